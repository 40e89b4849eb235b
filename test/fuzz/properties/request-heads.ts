// The parser of request heads says what the reference says, whole and up to every byte.
import assert from 'node:assert/strict'
import { INCOMPLETE, reasonOf } from '../../../processor/engine/fault.js'
import { head, parseRequestHead } from '../../../processor/engine/request-head.js'
import type { RequestsCase } from '../cases.js'
import { heads } from '../generate/cases.js'
import { limitsOf, parserOf, type SeenHead } from '../product/requests.js'
import { elementsOf, valuesOf } from '../reference/heads.js'
import { isOdd, readRequestHead, type RequestHead } from '../reference/request.js'
import type { Property, Verdict } from './property.js'

export const requestHeads: Property<RequestsCase> = {
  name: 'request-heads',
  suits: ({ kind }) => kind === 'requests',
  cases: heads,
  round: 2000,
  start: () => check,
}

function check(tried: RequestsCase): Verdict {
  const { bytes, trusted } = tried
  const limits = limitsOf(tried)
  const said = readRequestHead(bytes, tried)
  const parse = parserOf(bytes, (buf, start, end) => parseRequestHead(buf, start, end, limits, trusted))
  const result = parse(bytes.length)
  const seen = { ...head }
  const heard = `the reference: ${said.kind}${said.kind === 'refused' ? ` (${said.why})` : ''}; the parser: ${verdict(result)}`
  if (said.kind === 'whole') {
    assert.equal(result, said.end, heard)
    sameHead(seen, said.value, trusted)
  } else if (said.kind === 'refused') assert.ok(result < 0, heard)
  else assert.ok(result <= 0, heard)
  everyPrefix(bytes.length, parse, result)
  return said.kind === 'whole' ? 'valid' : said.kind
}

function verdict(result: number): string {
  return result > 0 ? `whole up to ${result}` : result === INCOMPLETE ? 'incomplete' : `refused (${reasonOf(result)})`
}

/** Far behind the largest head the cuts differ in nothing. */
const MOST_CUTS = 2500

/** What is said of the whole must not be denied by a part: each part is incomplete, or has the verdict of the whole. */
export function everyPrefix(length: number, parse: (length: number) => number, result: number): void {
  for (let cut = 0; cut < Math.min(length, MOST_CUTS); cut++) {
    const part = parse(cut)
    if (part === result || (part === INCOMPLETE && cut < result) || (part <= 0 && result < 0)) continue
    assert.fail(`cut at ${cut}: ${verdict(part)}; whole: ${verdict(result)}`)
  }
}

export function sameHead(seen: SeenHead, said: RequestHead, trusted: boolean): void {
  const { fields, length } = said
  const all = (name: string): string[] => valuesOf(fields, name).flatMap(elementsOf)
  const last = (name: string): string => fields.findLast((field) => field.name === name)?.value ?? ''
  const { forwardedFor, via, upgrade, hop, ...rest } = seen
  assert.deepEqual(elementsOf(upgrade), said.upgrades)
  assert.deepEqual(elementsOf(hop), said.options)
  assert.deepEqual(elementsOf(via), all('via'))
  assert.deepEqual(elementsOf(forwardedFor), trusted ? all('x-forwarded-for') : [])
  assert.deepEqual(rest, {
    method: said.method,
    minor: said.minor,
    target: said.target,
    path: said.path,
    oddPath: said.path !== '*' && isOdd(said.path),
    host: said.host,
    contentLength: length.kind === 'length' ? length.bytes : -1,
    chunked: length.kind === 'chunked',
    close: said.close,
    keepAlive: said.keepAlive,
    expectsContinue: said.expectsContinue,
    forwardedProto: trusted ? last('x-forwarded-proto') : '',
    forwardedHost: trusted ? last('x-forwarded-host') : '',
    trailers: said.trailers,
    maxForwards: said.maxForwards ?? -1,
    requestId: last('x-request-id'),
    traceparent: said.traceparent,
    fields: said.kept,
  })
}
