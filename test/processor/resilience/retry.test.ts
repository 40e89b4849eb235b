// Whether an attempt is tried again: the whole table of what is safe.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRepeatable, mayRetry, mayRetryStatus } from '../../../processor/resilience/retry.js'
import { RETRY } from '../../../shared/config/defaults.js'
import type { RetryConfig } from '../../../shared/config/model.js'
import { ProxyError } from '../../../shared/errors.js'

const config: RetryConfig = { ...RETRY, attempts: 3, on: ['connect', 'reset', '500', '503'] }
const tries = { repeatable: true, attempts: 1, replayable: true, headSent: false }
const once = { ...tries, repeatable: false }
const refused = new ProxyError('connection-refused', 'upstream', 'safe', '')
const reset = new ProxyError('connection-reset', 'upstream', 'idempotent-only', '')
const timeout = new ProxyError('answer-timeout', 'upstream', 'idempotent-only', '')
const bad = new ProxyError('bad-answer', 'upstream', 'never', '')

function request(method: string, key?: string) {
  return { method, header: (name: string) => (name === 'idempotency-key' ? key : undefined) }
}

test('what may be repeated is idempotent, or the config says that its key makes it so, or that all is', () => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])
    assert.equal(isRepeatable(request(method), { unsafe: 'never' }), true, method)
  for (const method of ['POST', 'PATCH', 'PURGE', 'get'])
    assert.equal(isRepeatable(request(method, 'k'), { unsafe: 'never' }), false, method)
  assert.equal(isRepeatable(request('POST', 'k'), { unsafe: 'idempotency-key' }), true)
  assert.equal(isRepeatable(request('POST'), { unsafe: 'idempotency-key' }), false)
  assert.equal(isRepeatable(request('POST'), { unsafe: 'always' }), true)
})

test('what never left may always go again, what may have been done only where it may be repeated', () => {
  assert.equal(mayRetry(reset, tries, config), true)
  assert.equal(mayRetry(reset, once, config), false)
  assert.equal(mayRetry(refused, once, config), true)
})

test('no retry after the head of an answer, without the whole body, beyond the attempts, or for what is final', () => {
  assert.equal(mayRetry(refused, { ...tries, headSent: true }, config), false)
  assert.equal(mayRetry(refused, { ...tries, replayable: false }, config), false)
  assert.equal(mayRetry(refused, { ...tries, attempts: 3 }, config), false)
  assert.equal(mayRetry(bad, tries, config), false)
})

test('only the configured reasons count', () => {
  assert.equal(mayRetry(timeout, tries, config), false)
  assert.equal(mayRetry(timeout, tries, { ...config, on: ['timeout'] }), true)
  assert.equal(mayRetry(refused, tries, { ...config, on: ['reset'] }), false)
  assert.equal(mayRetryStatus(503, tries, config), true)
  assert.equal(mayRetryStatus(500, tries, config), true)
  assert.equal(mayRetryStatus(502, tries, config), false)
  assert.equal(mayRetryStatus(501, tries, config), false)
  assert.equal(mayRetryStatus(503, once, config), false)
})
