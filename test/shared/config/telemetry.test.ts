// The request processor's zone, its access log and its traces, in both layouts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lines, load, problemsOf } from './fixtures.js'

const service = 'a: { servers: [h], polling: { method: ping }, apis: [/a] }'
const classic = (keys: string) => `${service}\nmeta-info: { ${keys} }`
const full = (keys: string) => `version: 1\nprocessor: { ${keys} }\nservices: { ${service} }`
const processor = (keys: string) => load(classic(keys)).processor
const only = (keys: string) => {
  const found = lines(problemsOf(classic(keys)))
  assert.equal(found.length, 1, found.join('\n'))
  return found[0] ?? ''
}

const ENDPOINT = 'http://traces.internal:4318/v1/traces'

test('both layouts have the same keys for it', () => {
  const keys = `zone: b, access_log: true, tracing: { endpoint: '${ENDPOINT}', headers: { X-Key: k } }`
  const { zone, accessLog, tracing } = processor(keys)
  assert.deepEqual([zone, accessLog], ['b', { sample: 1 }])
  assert.deepEqual(tracing, { endpoint: ENDPOINT, sample: 1, headers: { 'X-Key': 'k' } })
  assert.deepEqual(load(full(keys)).processor, processor(keys))
})

test('lines and spans are written when the file asks for them', () => {
  const { zone, accessLog, tracing } = processor('')
  assert.deepEqual([zone, accessLog, tracing], [undefined, { sample: 0 }, undefined])
  assert.deepEqual(processor('access_log: false').accessLog, { sample: 0 })
  assert.deepEqual(processor('access_log: {}').accessLog, { sample: 1 })
  assert.deepEqual(processor('access_log: { sample: 0.01 }').accessLog, { sample: 0.01 })
  assert.deepEqual(processor(`tracing: { endpoint: '${ENDPOINT}', sample: 0 }`).tracing, {
    endpoint: ENDPOINT,
    sample: 0,
    headers: {},
  })
})

test('faults are told at their place', () => {
  assert.equal(only('zone: ""'), '2:20  meta-info.zone  must not be empty')
  assert.match(only('access_log: 0.5'), /access_log {2}must be true, false, or an object with sample/)
  assert.match(only('access_log: { sample: 2 }'), /access_log\.sample {2}must be at most 1/)
  assert.match(only('tracing: {}'), /meta-info\.tracing\.endpoint {2}"endpoint" is required/)
  assert.match(only('tracing: true'), /tracing {2}must be an object, not true or false/)
  assert.match(only(`tracing: { endpoint: '${ENDPOINT}', sample: -1 }`), /tracing\.sample {2}must not be negative/)
  assert.match(only(`tracing: { endpont: '${ENDPOINT}', endpoint: '${ENDPOINT}' }`), /did you mean "endpoint"/)
})

test('spans go to a URL', () => {
  const endpoint = (url: string) => only(`tracing: { endpoint: '${url}' }`)
  assert.match(endpoint('traces.internal:4318'), /not a URL {2}\(it begins with http:\/\/ or https:\/\/\)/)
  assert.match(endpoint('grpc://h'), /has a scheme other than http and https/)
  assert.match(endpoint('http://'), /a host is missing/)
  assert.match(endpoint('http://h/v1?key=1'), /must not hold a query or a fragment/)
  assert.equal(processor("tracing: { endpoint: 'http://h:4318' }").tracing?.endpoint, 'http://h:4318')
})

test('no problem shows what is secret of a receiver', () => {
  const tracing = (keys: string) => only(`tracing: { endpoint: '${ENDPOINT}', headers: { ${keys} } }`)
  const shown = [
    tracing('X-Key: "hunter2 "'),
    tracing('X-Key: [hunter2]'),
    tracing('"X Key": hunter2'),
    tracing('Content-Length: hunter2'),
    only("tracing: { endpoint: 'http://me:hunter2@h/' }"),
    only("tracing: { endpoint: 'hunter2@h' }"),
  ].join('\n')
  assert.match(shown, /headers\.X-Key {2}not a value of a header field/)
  assert.match(shown, /must not hold a user or a password/)
  assert.doesNotMatch(shown, /hunter2/)
})
