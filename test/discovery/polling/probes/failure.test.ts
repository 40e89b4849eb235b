// Failures in words, and whose fault they are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeFailure } from '../../../../discovery/polling/probes/failure.js'

const failure = (code: string, message = '') => describeFailure(Object.assign(new Error(message), { code }))

test('no answer is the instance not being reachable', () => {
  for (const [code, words] of [
    ['ECONNREFUSED', 'connection refused'],
    ['ECONNRESET', 'connection reset'],
    ['EHOSTUNREACH', 'no route to host'],
    ['ENOTFOUND', 'the name does not resolve'],
    ['ESOMETHINGNEW', 'ESOMETHINGNEW'],
  ] as const) {
    assert.deepEqual(failure(code), { verdict: 'failed', status: 'service unreachable', response: words })
  }
})

test('what the discovery server lacks says nothing of the instance', () => {
  for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'EAI_AGAIN']) {
    const { verdict, status, response } = failure(code)
    assert.deepEqual([verdict, status], ['inconclusive', 'discovery server error'])
    assert.ok(response.length > 10 && !response.includes(code))
  }
})

test('a wrong answer is an answer', () => {
  assert.deepEqual(failure('CERT_HAS_EXPIRED').response, 'certificate has expired')
  assert.deepEqual(
    failure('HPE_INVALID_CONSTANT', 'Parse Error: Expected HTTP/').response,
    'malformed answer: Expected HTTP/',
  )
  const tls = 'C0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record.c:354:'
  assert.deepEqual(failure('EPROTO', tls).response, 'TLS handshake failed: wrong version number')
  for (const code of ['CERT_HAS_EXPIRED', 'HPE_INVALID_CONSTANT', 'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER']) {
    assert.deepEqual([failure(code).verdict, failure(code).status], ['failed', 'inactive'])
  }
})
