// RFC 9209: what Proxy-Status says of a failure, in its syntax (RFC 8941) and with its registered error types.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { freePort } from '../kit/ports.js'
import { type AskOptions, get, members, OK, ok, startRig } from './rig.js'

const refused = await freePort()
const { ask, gateway } = await startRig({ after }, (address) => ({
  processor: { limits: { body: 1000 } },
  routes: [{ match: { path: '/read', methods: ['GET'] }, service: 's' }],
  services: {
    refused: { servers: [`127.0.0.1:${refused}`], apis: ['/refused'] },
    down: { servers: ['127.0.0.1:9'], apis: ['/down'] },
    slow: { servers: [address], apis: ['/slow'], timeout: { first_byte_ms: 150 }, retry: { attempts: 1 } },
  },
}))
gateway.set({ '127.0.0.1:9': { health: 'down' } })

/** RFC 9209 section 2.3: error types and the status that is recommended with each; undefined: whatever is apt. */
const RECOMMENDED: Readonly<Record<string, number | undefined>> = {
  dns_timeout: 504,
  dns_error: 502,
  destination_not_found: 500,
  destination_unavailable: 503,
  destination_ip_unroutable: 502,
  connection_refused: 502,
  connection_terminated: 502,
  connection_timeout: 504,
  connection_limit_reached: 503,
  http_request_error: undefined,
  http_request_denied: 403,
  http_response_incomplete: 502,
  http_response_header_section_size: 502,
  http_response_header_size: 502,
  http_response_transfer_coding: 502,
  http_response_timeout: 504,
  http_protocol_error: 502,
  proxy_internal_response: undefined,
  proxy_internal_error: 500,
  // 502 is recommended; 508 says the same to the client and is kept on purpose.
  proxy_loop_detected: 508,
}

const post = (fields: string, target = '/s') => `POST ${target} HTTP/1.1\r\nHost: h\r\n${fields}\r\n`

interface Failure {
  readonly what: string
  readonly bytes: string
  readonly reply?: AskOptions['reply']
  readonly status: number
  readonly error: RegExp
}

const failures: readonly Failure[] = [
  { what: 'refused connections', bytes: get('', '/refused'), status: 502, error: /^connection_refused$/ },
  { what: 'services without an instance', bytes: get('', '/down'), status: 503, error: /^destination_unavailable$/ },
  {
    what: 'connections that end before an answer',
    bytes: post('Content-Length: 0\r\n'),
    reply: (r) => r.close(),
    status: 502,
    error: /^(connection_terminated|http_response_incomplete)$/,
  },
  {
    what: 'connections that end within the head of an answer',
    bytes: post('Content-Length: 0\r\n'),
    reply: (r) => (r.send('HTTP/1.1 200 OK\r\nContent-'), r.close()),
    status: 502,
    error: /^(connection_terminated|http_response_incomplete)$/,
  },
  {
    what: 'answers that do not come',
    bytes: get('', '/slow'),
    reply: () => undefined,
    status: 504,
    error: /^http_response_timeout$/,
  },
  {
    what: 'answers that are no HTTP',
    bytes: get(),
    reply: 'nonsense\r\n\r\n',
    status: 502,
    error: /^http_protocol_error$/,
  },
  {
    what: 'answers with faulty lengths',
    bytes: get(),
    reply: OK.replace(': 2', ': x'),
    status: 502,
    error: /^http_protocol_error$/,
  },
  {
    what: 'answers in a coding that is not understood',
    bytes: get(),
    reply: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    status: 502,
    error: /^http_response_transfer_coding$/,
  },
  {
    what: 'answers with too large a head',
    bytes: get(),
    reply: ok(`X: ${'y'.repeat(1000)}\r\n`.repeat(400)),
    status: 502,
    error: /^http_response_header_(section_)?size$/,
  },
  { what: 'malformed requests', bytes: get('X y: 1\r\n'), status: 400, error: /^http_request_error$/ },
  { what: 'requests without Host', bytes: 'GET /s HTTP/1.1\r\n\r\n', status: 400, error: /^http_request_error$/ },
  {
    what: 'paths that nobody serves',
    bytes: get('', '/nowhere'),
    status: 404,
    error: /^(http_request_error|proxy_internal_response)$/,
  },
  {
    what: 'methods that are not allowed',
    bytes: post('Content-Length: 0\r\n', '/read'),
    status: 405,
    error: /^(http_request_error|proxy_internal_response)$/,
  },
  {
    what: 'bodies that are too large',
    bytes: post('Content-Length: 1001\r\n'),
    status: 413,
    error: /^(http_request_error|proxy_internal_response)$/,
  },
  {
    what: 'targets that are too long',
    bytes: get('', `/s?${'x'.repeat(20_000)}`),
    status: 414,
    error: /^(http_request_error|proxy_internal_response)$/,
  },
  {
    what: 'other expectations',
    bytes: get('Expect: x\r\n'),
    status: 417,
    error: /^(http_request_error|proxy_internal_response)$/,
  },
  {
    what: 'heads that are too large',
    bytes: get(`X: ${'y'.repeat(40_000)}\r\n`),
    status: 431,
    error: /^(http_request_error|proxy_internal_response)$/,
  },
  {
    what: 'codings that are not understood',
    bytes: post('Transfer-Encoding: gzip, chunked\r\n'),
    status: 501,
    error: /^(http_request_error|proxy_internal_response)$/,
  },
  {
    what: 'versions that are not spoken',
    bytes: get().replace('1.1', '2.0'),
    status: 505,
    error: /^(http_request_error|proxy_internal_response)$/,
  },
  { what: 'loops', bytes: get('Via: 1.1 serverpy-test\r\n'), status: 508, error: /^proxy_loop_detected$/ },
]

/** A list of one Token or String with parameters, as RFC 8941 section 3.1 writes it. */
const MEMBER =
  /^("[ !#-[\]-~]*"|[A-Za-z*][\w!#$%&'*+.^`|~:/-]*)((?:; *[a-z*][a-z0-9_.*-]*(?:=(?:"[^"\\]*"|[\w!#$%&'*+.^`|~:/-]+))?)*)$/

for (const { what, bytes, reply, status, error } of failures) {
  test(`RFC 9209 2.1.1 SHOULD: Proxy-Status names the most specific error for ${what}`, async () => {
    const answer = await ask(bytes, reply === undefined ? {} : { reply })
    assert.equal(answer.status, status)
    const [value = ''] = answer.values('proxy-status')
    assert.match(value, MEMBER)
    const type = /; *error=([a-z_]+)/.exec(value)?.[1] ?? ''
    assert.match(type, error)
    assert.ok(type in RECOMMENDED, type)
    assert.equal(RECOMMENDED[type] ?? status, status, `the status that is recommended with ${type}`)
  })
}

test('RFC 9209 2: each member is a Token or a String, one for each intermediary', async () => {
  for (const { bytes, reply } of failures.slice(0, 5)) {
    const values = (await ask(bytes, reply === undefined ? {} : { reply })).values('proxy-status')
    assert.equal(values.length, 1)
    assert.match(values[0] ?? '', MEMBER)
  }
})

test('RFC 9209 2 SHOULD: members of the intermediaries before are kept, in their order', async () => {
  const lines = 'Proxy-Status: "first.example"; error=http_response_timeout; details="a, b"\r\nProxy-Status: second\r\n'
  const answer = await ask(get(), { reply: ok(lines).replace('200 OK', '504 Late') })
  const [one = '', two = ''] = answer.values('proxy-status')
  assert.equal(one, '"first.example"; error=http_response_timeout; details="a, b"')
  assert.match(two, /^second(, |$)/)
})

test('RFC 9209 2.1.1: an answer of the origin is not given out as a failure of the gateway', async () => {
  for (const status of ['500 x', '502 x', '503 x', '504 x']) {
    const answer = await ask(post('Content-Length: 0\r\n'), { reply: ok().replace('200 OK', status) })
    assert.doesNotMatch(members(answer.values('proxy-status')).join(), /error=/)
  }
})

test('RFC 9209 2: a Proxy-Status in the trailer of an answer does no harm to the answer', async () => {
  const chunks = '2\r\nhi\r\n0\r\nProxy-Status: first; error=http_response_incomplete\r\n\r\n'
  const answer = await ask(get('TE: trailers\r\nConnection: TE\r\n'), {
    reply: `HTTP/1.1 200 OK\r\nProxy-Status: first\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  })
  assert.equal(answer.body, 'hi')
})

test('RFC 9209 2: Proxy-Status is no trailer where it was no header field', async () => {
  const answer = await ask(get('TE: trailers\r\nConnection: TE\r\n'), {
    reply: (r) => {
      r.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n')
      r.close()
    },
    toEnd: true,
  })
  assert.doesNotMatch(answer.raw, /proxy-status/i)
})

test('RFC 9209 4: what Proxy-Status says does not give the address of an instance away', async () => {
  for (const target of ['/refused', '/down']) {
    const answer = await ask(get('', target))
    assert.doesNotMatch(answer.raw, new RegExp(`127\\.0\\.0\\.1:(${refused}|9)\\b`))
  }
})
