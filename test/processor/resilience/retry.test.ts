// Whether an attempt is tried again: the whole table of what is safe.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayRetry, mayRetryStatus } from '../../../processor/resilience/retry.js'
import type { RetryConfig } from '../../../shared/config/model.js'
import { ProxyError } from '../../../shared/errors.js'

const config: RetryConfig = { attempts: 3, on: ['connect', 'reset', '503'] }
const tries = { method: 'GET', attempts: 1, replayable: true, headSent: false }
const refused = new ProxyError('connection-refused', 'upstream', 'safe', '')
const reset = new ProxyError('connection-reset', 'upstream', 'idempotent-only', '')
const timeout = new ProxyError('answer-timeout', 'upstream', 'idempotent-only', '')
const bad = new ProxyError('bad-answer', 'upstream', 'never', '')

test('what never left may always go again, what may have been done only by an idempotent method', () => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])
    assert.equal(mayRetry(reset, { ...tries, method }, config), true, method)
  for (const method of ['POST', 'PATCH', 'PURGE', 'get'])
    assert.equal(mayRetry(reset, { ...tries, method }, config), false, method)
  assert.equal(mayRetry(refused, { ...tries, method: 'POST' }, config), true)
})

test('no retry after the head of an answer, without the whole body, beyond the attempts, or for what is final', () => {
  assert.equal(mayRetry(refused, { ...tries, headSent: true }, config), false)
  assert.equal(mayRetry(refused, { ...tries, replayable: false }, config), false)
  assert.equal(mayRetry(refused, { ...tries, attempts: 3 }, config), false)
  assert.equal(mayRetry(bad, tries, config), false)
})

test('only the configured reasons count', () => {
  assert.equal(mayRetry(timeout, tries, config), false)
  assert.equal(mayRetry(timeout, tries, { attempts: 2, on: ['timeout'] }), true)
  assert.equal(mayRetry(refused, tries, { attempts: 2, on: ['reset'] }), false)
  assert.equal(mayRetryStatus(503, tries, config), true)
  assert.equal(mayRetryStatus(502, tries, config), false)
  assert.equal(mayRetryStatus(503, { ...tries, method: 'POST' }, config), false)
})
