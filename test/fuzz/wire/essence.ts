// What must be the same of a request on both sides of the gateway, and what the gateway alone may say.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type Field, valuesOf } from '../reference/heads.js'
import type { Message } from '../reference/messages.js'
import type { RequestHead } from '../reference/request.js'

/** The `via` of the test kit's gateway. */
export const OWN_NAME = 'serverpy-test'

/** Of a request as the client sent it: what has to arrive. */
export function sent({ head, body }: Message<RequestHead>): string {
  return `${head.method} ${head.target}\n${head.kept}\n${body.passes}`
}

/** Of a request as it arrived: the same, if nothing was lost, added or changed. */
export function got({ head, body }: Message<RequestHead>): string {
  const lines = withoutOwn(head).map((field) => field.line)
  return `${head.method} ${head.target}\n${lines.join('')}\n${body.passes}`
}

export function digest(essence: string): string {
  return createHash('sha1').update(essence, 'latin1').digest('hex').slice(0, 12)
}

const OWN = [
  ...['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id', 'traceparent'],
  ...['te', 'connection'],
]

function withoutOwn({ fields, maxForwards }: RequestHead): Field[] {
  const lastVia = fields.findLastIndex((field) => field.name === 'via')
  const own = maxForwards === undefined ? OWN : [...OWN, 'max-forwards']
  return fields.filter((field, i) => i !== lastVia && !own.includes(field.name))
}

const PLAIN_ID = /^[A-Za-z0-9._~+/=:@-]{1,128}$/

const NEW_TRACE = /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/

/** What the gateway adds to a request, after docs/gateway.md. */
export function rightlyAdded(arrived: RequestHead, from: RequestHead, address: string): void {
  const values = (name: string): string[] => valuesOf(arrived.fields, name)
  assert.deepEqual(values('host'), [address])
  assert.deepEqual(values('x-forwarded-for'), ['127.0.0.1'])
  assert.deepEqual(values('x-forwarded-proto'), ['http'])
  assert.deepEqual(values('x-forwarded-host'), from.host === '' ? [] : [from.host])
  assert.equal(values('via').at(-1), `1.${from.minor} ${OWN_NAME}`)
  assert.deepEqual(values('te'), from.trailers ? ['trailers'] : [])
  assert.deepEqual(values('connection'), from.trailers ? ['TE'] : [])
  if (from.maxForwards !== undefined) assert.equal(arrived.maxForwards, from.maxForwards - 1)
  const asked = valuesOf(from.fields, 'x-request-id').at(-1) ?? ''
  const ids = values('x-request-id')
  assert.equal(ids.length, 1)
  if (PLAIN_ID.test(asked)) assert.equal(ids[0], asked)
  else assert.match(ids[0] ?? '', PLAIN_ID)
  const [trace = '', ...others] = values('traceparent')
  assert.deepEqual(others, [])
  if (from.traceparent === '') assert.match(trace, NEW_TRACE)
  else assert.equal(trace, from.traceparent)
  assert.equal(arrived.minor, 1)
}
