// The same bytes in pieces: what is refused whole is refused however it arrives, and what is legal arrives as well.
import type { Expectation, HostileCase } from './case.js'
import { answered, hello } from './cases/answered.js'
import { surplus } from './cases/surplus.js'
import { chunkEnds, chunkExtensions, chunkSizes } from './cases/chunks.js'
import { connectionOptions, spoofed } from './cases/hop-by-hop.js'
import { contentLength } from './cases/content-length.js'
import { pipelines } from './cases/connections.js'
import { requestLine } from './cases/request-line.js'
import { trailers } from './cases/trailers.js'
import { transferEncoding } from './cases/transfer-encoding.js'
import { unusual } from './cases/unusual.js'
import { hostileClass } from './hostile.js'
import { arrival, chunked, CHUNKED, get, hostile, post, SMUGGLED } from './write.js'

const INTERIM = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'

const length = ({ send }: HostileCase): number =>
  send.map((step) => (typeof step === 'string' ? step.length : 0)).reduce((a, b) => a + b, 0)
/** Every `n`th that is short enough; what is refused may have begun to arrive by the time that its fault does. */
const sample = (cases: readonly HostileCase[], n: number): HostileCase[] =>
  cases
    .filter((one) => length(one) < 600)
    .filter((_, i) => i % n === 0)
    .map((one) => ({ ...one, breaksOff: true }))

const bodies = [...chunkSizes, ...chunkExtensions, ...chunkEnds, ...trailers]
const heads = [...contentLength, ...transferEncoding, ...requestLine, ...connectionOptions, ...spoofed, ...unusual]

hostileClass('byte by byte, a body', sample(bodies, 5), { delivery: 'bytes' })
hostileClass('byte by byte, a head', sample(heads, 20), { delivery: 'bytes' })
hostileClass('line by line, a body', sample(bodies, 2), { delivery: 'lines' })
hostileClass('line by line, a head', sample(heads, 5), { delivery: 'lines' })
hostileClass('line by line, a pipeline', sample(pipelines, 2), { delivery: 'lines' })

const SPLIT: readonly (readonly [string, HostileCase])[] = [
  [
    'a chunked request and another',
    hostile('', 'forwarded', chunked('5;a="b"\r\nhello\r\n0\r\nX-A: b\r\n\r\n') + get(), [
      arrival('POST', 'hello'),
      arrival('GET'),
    ]),
  ],
  ['a length beside chunks', hostile('', 'refused', post(`Content-Length: 5\r\n${CHUNKED}`, `0\r\n\r\n${SMUGGLED}`))],
  ['a bare LF in an extension', hostile('', 'refused', chunked(`5;a\nx\r\nhello\r\n0\r\n\r\n${SMUGGLED}`))],
  [
    'a body, and what is no request',
    hostile('', 'refused', `${post('Content-Length: 5\r\n', 'hello')}GET /app\r\n\r\n`, [], {
      before: [arrival('POST', 'hello')],
    }),
  ],
]

// The number of bytes does not depend on the case's id.
const splits = SPLIT.flatMap(([what, one]) =>
  Array.from({ length: length(one) - 1 }, (_, i) => ({
    ...one,
    name: `${what}, split behind byte ${i + 1}`,
    splitAt: i + 1,
    breaksOff: true,
  })),
)

hostileClass('split behind each byte', splits)

const ANSWERS: readonly (readonly [string, Expectation, string])[] = [
  [
    'chunks with all that they may have',
    'passes',
    `${INTERIM}HTTP/1.1 200 OK\r\n${CHUNKED}X: y\r\n\r\n5;a="b"\r\nhello\r\n0\r\nX-A: b\r\n\r\n`,
  ],
  ['a length', 'passes', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello'],
  ['a length beside chunks', '502', `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${CHUNKED}\r\n0\r\n\r\n`],
  ['a bare LF in the head', '502', 'HTTP/1.1 200 OK\r\nX: y\nContent-Length: 5\r\n\r\nhello'],
  ['a bare LF in the chunks', 'no answer', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n5\r\nhello\r\n0\n\r\n\r\n`],
]

const splitAnswers = ANSWERS.flatMap(([what, expect, text]) =>
  Array.from({ length: text.length - 1 }, (_, i) =>
    answered(`${what}, split behind byte ${i + 1}`, expect, [text.slice(0, i + 1), 'turn', text.slice(i + 1)], hello),
  ),
)

hostileClass('an answer that is split behind each byte', splitAnswers)
hostileClass(
  'bytes behind an answer that is split behind its last byte but one',
  surplus.filter(({ script }) => script?.play.length === 1).flatMap((one) => splitSurplus(one)),
)

/** The last bytes of an answer come together with what is behind it. */
function splitSurplus(one: HostileCase): HostileCase[] {
  const [text] = one.script?.play ?? []
  if (text === undefined || one.poison === undefined) return []
  return [10, 44, 50].map((fromEnd) => ({
    ...one,
    name: `${one.name}, ${fromEnd} bytes of it later`,
    script: { play: [text.slice(0, -fromEnd), 'turn', text.slice(-fromEnd)] },
  }))
}
