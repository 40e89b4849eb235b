// The trace of a request travels on: as it came where it is valid, new where there is none.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../kit/gateway.js'
import { request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { service } from './asserting.js'

const VALID = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const NEW = /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/

test('a valid traceparent and its tracestate reach the instance as they came', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, service(origin.address))
  await request(gateway.port, 'GET', '/s', { fields: { Traceparent: VALID, tracestate: 'a=1' } })
  const [seen] = origin.requests
  assert.deepEqual([seen?.field('traceparent'), seen?.field('tracestate')], [VALID, 'a=1'])
})

test('a request without one gets one, each its own', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, service(origin.address))
  for (let i = 0; i < 3; i++) await request(gateway.port, 'GET', '/s')
  const seen = origin.requests.map((r) => r.field('traceparent') ?? '')
  for (const one of seen) assert.match(one, NEW)
  assert.equal(new Set(seen).size, 3)
})

test('what is malformed, given twice, or named by Connection does not travel on, nor does its state', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, service(origin.address))
  const lines = [
    'traceparent: 00-zz\r\n',
    `traceparent: ${VALID}\r\ntraceparent: ${VALID}\r\n`,
    `traceparent: ${VALID}\r\nConnection: traceparent\r\n`,
    '',
  ]
  for (const line of lines) {
    const seenBefore = origin.requests.length
    const fields = Object.fromEntries([['tracestate', `a=1\r\n${line}x-end: 1`]])
    await request(gateway.port, 'GET', '/s', { fields })
    const seen = origin.requests[seenBefore]
    const parents = seen?.fields.filter(([name]) => name.toLowerCase() === 'traceparent') ?? []
    assert.equal(parents.length, 1, line)
    assert.match(parents[0]?.[1] ?? '', NEW)
    assert.notEqual(parents[0]?.[1], VALID)
    assert.equal(seen?.field('tracestate'), undefined, line)
  }
})
