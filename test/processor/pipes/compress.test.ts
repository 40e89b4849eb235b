// The pipe `compress` over real sockets: which answers are compressed, for whom, and how they stream.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as zlib from 'node:zlib'
import { chooseCoding } from '../../../processor/pipes/content-coding.js'
import { connect } from 'node:net'
import { once } from 'node:events'
import { request } from '../../kit/http.js'
import type { OriginHandler } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { waitFor } from '../../kit/wait.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

const TEXT = 'all work and no play makes a dull gateway. '.repeat(200)

const unzstd = (zlib as { zstdDecompressSync?: (bytes: Buffer) => Buffer }).zstdDecompressSync

async function startCompressing(
  t: Cleanup,
  fields: Record<string, string> = {},
  options: Record<string, unknown> = {},
) {
  const handler: OriginHandler = (req) =>
    req.answer(Number(req.target.slice(1)) || 200, TEXT, { 'Content-Type': 'text/plain; charset=utf-8', ...fields })
  const { port } = await startPiped(t, {}, [{ use: 'compress', ...options }], { handler })
  return (accept?: string, more: Record<string, string> = {}, method = 'GET', target = '/') =>
    request(port, method, target, { fields: { ...(accept !== undefined && { 'Accept-Encoding': accept }), ...more } })
}

test('a quality that is full of spaces takes no longer than any other field', async (t) => {
  const handler: OriginHandler = (req) => req.answer(200, TEXT, { 'Content-Type': 'text/plain' })
  const { port } = await startPiped(t, {}, [{ use: 'compress' }], { handler, processor: { limits: { head: '1MiB' } } })
  // Under a pattern that goes back over them these would take minutes.
  const fields = { 'Accept-Encoding': `gzip;q=x${' '.repeat(500_000)}x` }
  const refused = await request(port, 'GET', '/', { fields })
  assert.deepEqual([refused.status, refused.field('content-encoding')], [200, undefined])
  const wanted = await request(port, 'GET', '/', { fields: { 'Accept-Encoding': 'gzip \t; Q = 0.5 , br;q=0.4' } })
  assert.equal(wanted.field('content-encoding'), 'gzip')
})

test('an answer comes in the coding that the client wants', async (t) => {
  const get = await startCompressing(t, { ETag: '"v1"' })
  const gzip = await get('gzip')
  assert.equal(gzip.field('content-encoding'), 'gzip')
  assert.equal(zlib.gunzipSync(gzip.body).toString(), TEXT)
  assert.deepEqual([gzip.field('vary'), gzip.field('etag')], ['Accept-Encoding', 'W/"v1"'])
  assert.equal(gzip.field('content-length'), undefined)
  const br = await get('gzip, br')
  assert.equal(br.field('content-encoding'), 'br')
  assert.equal(zlib.brotliDecompressSync(br.body).toString(), TEXT)
  const zstd = await get('zstd, gzip;q=0.5')
  if (unzstd === undefined) assert.equal(zstd.field('content-encoding'), 'gzip')
  else assert.equal(unzstd(zstd.body).toString(), TEXT)
})

test('a client that takes none gets it as it is, and caches are told that it varies', async (t) => {
  const get = await startCompressing(t, { Vary: 'Origin', ETag: '"v1"' })
  for (const accept of [undefined, '', 'identity', 'gzip;q=0', 'deflate', 'br;q=x']) {
    const answer = await get(accept)
    assert.deepEqual([answer.field('content-encoding'), answer.text()], [undefined, TEXT], accept)
    assert.deepEqual([answer.field('vary'), answer.field('etag')], ['Origin, Accept-Encoding', '"v1"'])
  }
})

test('what the client takes counts, whatever later pipes keep from instances', async (t) => {
  const handler: OriginHandler = (req) =>
    req.answer(200, `${req.field('accept-encoding') ?? 'none'} ${TEXT}`, { 'Content-Type': 'text/plain' })
  const pipes = [{ use: 'compress' }, { use: 'filter', headers: [] }]
  const { port } = await startPiped(t, {}, pipes, { handler })
  const answer = await request(port, 'GET', '/', { fields: { 'Accept-Encoding': 'gzip' } })
  assert.equal(answer.field('content-encoding'), 'gzip')
  assert.equal(zlib.gunzipSync(answer.body).toString(), `none ${TEXT}`)
})

test('codings are chosen by quality (RFC 9110 section 12.5.3)', () => {
  const all = ['br', 'zstd', 'gzip'] as const
  const cases: [string, string | undefined][] = [
    ['gzip', 'gzip'],
    ['gzip;q=0.8, br;q=0.2', 'gzip'],
    ['*', 'br'],
    ['*;q=0.1, gzip', 'gzip'],
    ['br;q=0, *', 'zstd'],
    ['identity;q=1, gzip;q=0.5', undefined],
    ['GZIP ; Q=1', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip;q=2', undefined],
    [`${'x,'.repeat(100)}gzip`, undefined],
  ]
  for (const [accept, wanted] of cases) assert.equal(chooseCoding(accept, all), wanted, accept)
})

for (const [what, fields, target] of [
  ['has a coding', { 'Content-Encoding': 'gzip' }, '/'],
  ['must not be transformed', { 'Cache-Control': 'public, no-transform' }, '/'],
  ['is of another type', { 'Content-Type': 'image/png' }, '/'],
  ['is a part', {}, '/206'],
] as const) {
  test(`an answer that ${what} stays as it is`, async (t) => {
    const get = await startCompressing(t, fields)
    const answer = await get('gzip', {}, 'GET', target)
    assert.equal(answer.body.toString(), TEXT)
    assert.equal(answer.field('content-encoding'), (fields as Record<string, string>)['Content-Encoding'])
  })
}

test('a short answer stays as it is', async (t) => {
  const get = await startCompressing(t, {}, { min: '1MiB' })
  assert.equal((await get('gzip')).text(), TEXT)
})

test('HEAD is answered with the head of GET', async (t) => {
  const get = await startCompressing(t, {})
  const head = await get('gzip', {}, 'HEAD')
  assert.deepEqual(
    [head.field('content-encoding'), head.field('content-length'), head.body.length],
    ['gzip', undefined, 0],
  )
})

test('a validator that a client got with a compressed answer is told again in a 304', async (t) => {
  const { port } = await startPiped(t, {}, [{ use: 'compress' }], {
    handler: (req) => req.send('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n'),
  })
  const ask = async (tag: string) =>
    (await request(port, 'GET', '/', { fields: { 'Accept-Encoding': 'gzip', 'If-None-Match': tag } })).field('etag')
  assert.deepEqual([await ask('W/"v1"'), await ask('"v1"')], ['W/"v1"', '"v1"'])
})

test('events reach the client one by one', async (t) => {
  let more: (() => void) | undefined
  const { port } = await startPiped(t, {}, [{ use: 'compress' }], {
    handler: (req) => {
      req.send(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n',
      )
      more = () => req.send('9\r\ndata: 2\n\n\r\n0\r\n\r\n')
    },
  })
  const gunzip = zlib.createGunzip()
  let text = ''
  gunzip.on('data', (piece: Buffer) => (text += piece.toString()))
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let raw = Buffer.alloc(0)
  let fed = 0
  socket.on('data', (bytes) => {
    raw = Buffer.concat([raw, bytes])
    for (const piece of chunksOf(raw).slice(fed)) {
      fed++
      gunzip.write(piece)
    }
  })
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n')
  await waitFor(() => text === 'data: 1\n\n', { what: 'the first event, while the second is not there' })
  more?.()
  await waitFor(() => text === 'data: 1\n\ndata: 2\n\n', { what: 'the second event' })
})

/** The whole chunks of an answer. */
function chunksOf(raw: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  let at = raw.indexOf('\r\n\r\n') + 4
  if (at < 4) return chunks
  for (;;) {
    const end = raw.indexOf('\r\n', at)
    if (end === -1) return chunks
    const size = Number.parseInt(raw.subarray(at, end).toString(), 16)
    if (size === 0 || raw.length < end + 2 + size + 2) return chunks
    chunks.push(raw.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}

test('more answers at once than are allowed go as they are', async (t) => {
  const held: (() => void)[] = []
  const { port } = await startPiped(t, {}, [{ use: 'compress', at_once: 2 }], {
    handler: (req) => {
      req.send(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${TEXT.length}\r\n\r\n${TEXT.slice(1)}`)
      held.push(() => req.send('.'))
    },
  })
  const heads: string[] = []
  for (let i = 0; i < 3; i++) {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n')
    const [first] = (await once(socket, 'data')) as [Buffer]
    heads.push(first.toString('latin1').split('\r\n\r\n')[0] ?? '')
    socket.resume()
  }
  assert.deepEqual(
    heads.map((head) => /Content-Encoding: gzip/.test(head)),
    [true, true, false],
  )
  for (const end of held) end()
  await waitFor(async () => {
    const asked = request(port, 'GET', '/', { fields: { 'Accept-Encoding': 'gzip' } })
    await waitFor(() => held.length > 3)
    held.splice(3).forEach((end) => end())
    return (await asked).field('content-encoding') === 'gzip'
  })
})

test('faults of the config', () => {
  const faults = (options: object) => saidOf({ use: 'compress', ...options }).faults.join()
  assert.match(faults({ codings: ['deflate'] }), /must be one of "zstd", "br", "gzip"/)
  assert.match(faults({ types: ['json'] }), /not a media type/)
  assert.match(faults({ level: { gzip: 12 } }), /at most 9/)
  assert.equal(faults({}), '')
})
