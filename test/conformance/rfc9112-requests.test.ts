// RFC 9112 sections 6 to 8 for requests: how long a body is, what its coding may be, and what an incomplete one comes to.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { OriginRequest } from '../kit/origin.js'
import { dial } from '../kit/wire.js'
import { waitFor } from '../kit/wait.js'
import { assertRefused, get, startRig } from './rig.js'

const { ask, gateway, origin, script } = await startRig({ after })

const post = (fields: string, body = '') => `POST /s HTTP/1.1\r\nHost: example.org\r\n${fields}\r\n${body}`
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body)
const echo = async (r: OriginRequest): Promise<void> => r.answer(200, await r.body())

test('RFC 9112 6.1: chunked content is understood', async () => {
  const answer = await ask(chunked('5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'), { reply: echo })
  assert.equal(answer.body, 'hello world')
})

test('RFC 9112 6.1: chunked is applied once', async () => {
  const answer = await ask(chunked('2\r\nhi\r\n0\r\n\r\n'), { reply: echo })
  if (answer.sentValues('transfer-encoding').length > 0) {
    assert.deepEqual(answer.sentValues('transfer-encoding'), ['chunked'])
    assert.deepEqual(answer.sentValues('content-length'), [])
  }
  assert.equal(answer.requests[0]?.body.toString(), 'hi')
})

for (const coding of ['foo, chunked', 'gzip, chunked', 'x-odd;level=1, chunked']) {
  test(`RFC 9112 6.1 SHOULD: a coding that is not understood (${coding}) is a 501`, async () => {
    assertRefused(await ask(post(`Transfer-Encoding: ${coding}\r\n`, '0\r\n\r\n'), { toEnd: true }), 501)
  })
}

test('RFC 9112 6.1: with Transfer-Encoding and Content-Length the connection ends', async () => {
  for (const fields of [
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 0\r\n',
  ]) {
    const answer = await ask(post(fields, `0\r\n\r\n${get('', '/s/smuggled')}`), { toEnd: true })
    assert.equal(answer.answers.length, 1)
    assert.equal(answer.end, 'closed')
    assert.doesNotMatch(answer.sent, /smuggled/)
    assert.ok(answer.status === 400 || answer.sentValues('content-length').length === 0)
  }
})

test('RFC 9112 6.1: Transfer-Encoding in HTTP/1.0 is faulty framing, and its connection ends', async () => {
  const body = `0\r\n\r\n${get('', '/s/smuggled')}`
  for (const more of ['', 'Content-Length: 5\r\n', 'Connection: keep-alive\r\n']) {
    const bytes = post(`Transfer-Encoding: chunked\r\n${more}`, body).replace('HTTP/1.1', 'HTTP/1.0')
    assertRefused(await ask(bytes, { toEnd: true }), 400)
  }
})

const unframed = [
  'gzip',
  'chunked, gzip',
  'identity',
  'xchunked',
  'chunked-x',
  '"chunked"',
  'chunked foo',
  '',
  'chunked, identity',
]
for (const coding of unframed) {
  test(`RFC 9112 6.3: Transfer-Encoding "${coding}", which does not end in chunked, is a 400, and the connection ends`, async () => {
    const answer = await ask(post(`Transfer-Encoding: ${coding}\r\n`, `0\r\n\r\n${get()}`), { toEnd: true })
    assertRefused(answer, 400)
  })
}

const lengths = [
  'abc',
  '-1',
  '+5',
  '5 5',
  '0x5',
  '5,6',
  '5.0',
  '',
  '5;x',
  '1e1',
  '٥',
  '5_0',
  '18446744073709551621',
  '9'.repeat(40),
]
for (const length of lengths) {
  test(`RFC 9112 6.3: the invalid Content-Length ${JSON.stringify(length)} is a 400, and the connection ends`, async () => {
    const bytes = Buffer.from(post(`Content-Length: ${length}\r\n`, 'hello')).toString('latin1')
    assertRefused(await ask(bytes, { toEnd: true }), 400)
  })
}

test('RFC 9112 6.3: several Content-Lengths that differ are a 400, and the connection ends', async () => {
  assertRefused(await ask(post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!'), { toEnd: true }), 400)
})

test('RFC 9110 8.6: a repeated Content-Length is rejected, or becomes one', async () => {
  for (const fields of ['Content-Length: 5\r\nContent-Length: 5\r\n', 'Content-Length: 5, 5\r\n']) {
    const answer = await ask(post(fields, 'hello'), { reply: echo })
    if (answer.status === 400) assert.equal(answer.sent, '')
    else assert.deepEqual(answer.sentValues('content-length'), ['5'])
  }
})

test('RFC 9112 6.3: Content-Length is the length, whatever the bytes look like', async () => {
  const body = `${get('', '/s/inside')}0\r\n\r\n`
  const answer = await ask(post(`Content-Length: ${body.length}\r\n`, body) + get(), { reply: echo, answers: 2 })
  assert.equal(answer.body, body)
  assert.equal(answer.requests.length, 2)
})

test('RFC 9112 6.3: a request with neither has no body', async () => {
  const answer = await ask(post('') + get('', '/s/next'), { answers: 2 })
  assert.deepEqual(
    answer.requests.map(({ startLine }) => startLine),
    ['POST /s HTTP/1.1', 'GET /s/next HTTP/1.1'],
  )
})

test('RFC 9112 6: framing does not depend on the method', async () => {
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'BREW'])
    for (const bytes of [post('Content-Length: 2\r\n', 'hi'), chunked('2\r\nhi\r\n0\r\n\r\n')]) {
      const answer = await ask(bytes.replace('POST', method) + get(), {
        reply: async (r) => void (await r.body(), r.answer(200)),
        answers: 2,
        head: method === 'HEAD' ? [0] : false,
      })
      assert.equal(answer.requests.length, 2, method)
      assert.equal(answer.requests[0]?.body.toString(), 'hi', method)
    }
})

for (const [what, bytes] of [
  ['a length', post('Content-Length: 10\r\n', 'hello')],
  ['chunks', chunked('5\r\nhello\r\n')],
  ['chunks and no empty line at their end', chunked('5\r\nhello\r\n0\r\n')],
] as const) {
  test(`RFC 9112 6.3: a body with ${what} that breaks off is never passed on as complete`, async (t) => {
    const seen = origin.requests.length
    script(() => undefined)
    const wire = await dial(t, gateway.port)
    wire.send(bytes)
    await waitFor(() => origin.requests.length > seen)
    wire.finish()
    const request = origin.requests.at(-1)
    await request?.gone
    await assert.rejects(async () => request?.body(), /closed before/)
  })
}

test('RFC 9110 8.6: a large Content-Length is read without loss', async (t) => {
  const seen = origin.requests.length
  script(() => undefined)
  const wire = await dial(t, gateway.port)
  wire.send(post('Content-Length: 9007199254740991\r\n', 'x'))
  await waitFor(() => origin.requests.length > seen)
  assert.equal(origin.requests.at(-1)?.field('content-length'), '9007199254740991')
})

test('RFC 9112 7.1: chunk sizes are hexadecimal in either case, with leading zeros, over several chunks', async () => {
  const big = 'x'.repeat(0x1af)
  const answer = await ask(chunked(`0001\r\na\r\n1aF\r\n${big}\r\n00\r\n\r\n`), { reply: echo })
  assert.equal(answer.body, `a${big}`)
})

for (const size of ['fffffffffffffffff', '10000000000000000', '8000000000000000', '100000000000000002'])
  test(`RFC 9112 7.1: the chunk size ${size} neither overflows nor loses digits`, async () => {
    const answer = await ask(chunked(`${size}\r\nhi\r\n0\r\n\r\n${get()}`), { reply: () => undefined, toEnd: true })
    assert.equal(answer.status, 400)
    assert.equal(answer.requests.length, 0)
  })

for (const [what, body] of [
  ['a size that is no number', 'zz\r\nhi\r\n0\r\n\r\n'],
  ['a sign', '+2\r\nhi\r\n0\r\n\r\n'],
  ['a prefix', '0x2\r\nhi\r\n0\r\n\r\n'],
  ['no size', '\r\nhi\r\n0\r\n\r\n'],
  ['data longer than its size', '2\r\nhi!\r\n0\r\n\r\n'],
  ['data shorter than its size', '5\r\nhi\r\n0\r\n\r\n\r\n'],
  ['a bare LF behind the size', '2\nhi\r\n0\r\n\r\n'],
  ['a trailer without a colon', '2\r\nhi\r\n0\r\nnonsense\r\n\r\n'],
] as const) {
  test(`RFC 9112 7.1: chunks with ${what} are refused, and never passed on as complete`, async () => {
    const answer = await ask(chunked(body) + get(), { reply: () => undefined, toEnd: true })
    assert.equal(answer.status, 400)
    assert.deepEqual(answer.values('connection'), ['close'])
    assert.equal(answer.requests.length, 0)
  })
}

test('RFC 9112 7.1 SHOULD: a parameter of chunked is an error', async () => {
  assertRefused(await ask(post('Transfer-Encoding: chunked;x=1\r\n', '0\r\n\r\n'), { toEnd: true }), /^(400|501)$/)
})

test('RFC 9112 7.1.1: chunk extensions nobody knows are ignored', async () => {
  const answer = await ask(chunked('2;a\r\nhi\r\n1;b=c;d="e f"\r\n!\r\n0;last\r\n\r\n'), { reply: echo })
  assert.equal(answer.body, 'hi!')
})

test('RFC 9112 7.1.1: more chunk extensions than reason allows are a 4xx', async () => {
  const answer = await ask(chunked(`2;${'x'.repeat(20_000)}\r\nhi\r\n0\r\n\r\n`), {
    reply: () => undefined,
    toEnd: true,
  })
  assert.match(String(answer.status), /^4\d\d$/)
})
