// An answer that is passed on as it comes: streams, answers that are too large to be held, and what ends them half way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGzip, gzipSync } from 'node:zlib'
import type { OriginRequest } from '../../kit/origin.js'
import { dial } from '../../kit/wire.js'
import { bytesOf, hash, part, started } from './passing.js'
import { status } from './serving.js'

const CUT_OFF = /ECONNRESET|no complete answer/
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'

/** The gateway sees it like any answer that is longer than what may be held. */
const small = { ...part, answer_size: '1KiB' }

test('a stream of events reaches its client one by one, long before it ends', async (t) => {
  let events: OriginRequest | undefined
  const { gateway } = await started(t, (asked) => {
    events = asked
    asked.send(`${CHUNKED}Content-Type: text/event-stream\r\n\r\n9\r\ndata: 1\n\n\r\n`)
  })
  const client = await dial(t, gateway.port)
  client.send('GET /m/7 HTTP/1.1\r\nHost: h\r\n\r\n')
  const first = await client.until(/data: 1/)
  assert.match(first, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(first, /\r\nContent-Type: text\/event-stream\r\n/)
  assert.match(first, /\r\nTransfer-Encoding: chunked\r\n/)
  assert.match(first, /\r\nVia: 1\.1 /)
  events?.send('9\r\ndata: 2\n\n\r\n')
  await client.until(/data: 2/)
  events?.send('0\r\n\r\n')
  const whole = await client.until(/\r\n0\r\n\r\n$/)
  assert.match(whole, /\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n$/)
  // The connection is good for another.
  client.send('GET /m/8 HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until((text) => text.split('HTTP/1.1 200 OK').length === 3)
})

test('the time of a part is for the head: a stream goes on behind it', async (t) => {
  const { ask } = await started(
    t,
    (asked) => {
      asked.send(`${CHUNKED}\r\n`)
      return asked.drip('3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n', { pieceBytes: 8, everyMs: 1000 })
    },
    { ...part, timeout: '1500ms' },
  )
  assert.equal((await ask()).text(), 'abcdef')
})

test('the time that the exchange has ends a stream, cut off where it is', async (t) => {
  const { ask, origins } = await started(t, (asked) => asked.send(`${CHUNKED}\r\n3\r\nabc\r\n`), part, {
    timeout: '2s',
  })
  await assert.rejects(ask(), CUT_OFF)
  await origins['files']?.requests[0]?.gone
})

test('an answer longer than may be held comes whole, with its length, to a client that takes it slowly', async (t) => {
  const body = bytesOf(3 * 1024 * 1024)
  const { ask, gateway } = await started(t, status(200, body), small)
  const answer = await ask()
  assert.equal(answer.field('content-length'), String(body.length))
  assert.equal(answer.field('transfer-encoding'), undefined)
  assert.equal(hash(answer.body), hash(body))

  const slow = await dial(t, gateway.port)
  slow.send('GET /m/7 HTTP/1.1\r\nHost: h\r\n\r\n')
  await slow.until(/\r\n\r\n/)
  slow.pause()
  // Others are served while it does not read.
  assert.equal(hash((await ask()).body), hash(body))
  slow.resume()
  const all = await slow.until((text) => text.length - text.indexOf('\r\n\r\n') - 4 >= body.length)
  assert.equal(hash(Buffer.from(all.slice(all.indexOf('\r\n\r\n') + 4), 'latin1')), hash(body))
})

test('one that says its length and fits is held, so that one cut off half way is a failure and not half an answer', async (t) => {
  const { ask } = await started(t, (asked) => {
    asked.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
    asked.close()
  })
  assert.equal((await ask()).status, 500)
})

test('a stream that its instance cuts off is cut off for the client, who cannot take it for whole', async (t) => {
  const { gateway, origins } = await started(t, (asked) => asked.send(`${CHUNKED}\r\n3\r\nabc\r\n`))
  const client = await dial(t, gateway.port)
  client.send('GET /m/7 HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until(/abc\r\n/)
  origins['files']?.requests[0]?.reset()
  assert.equal(await client.ended(), 'reset')
  assert.match(client.text(), /\r\n\r\n3\r\nabc\r\n$/)
})

test('an instance is let go of when the client of a stream goes', async (t) => {
  const { gateway, origins } = await started(t, (asked) => asked.send(`${CHUNKED}\r\n3\r\nabc\r\n`))
  const client = await dial(t, gateway.port)
  client.send('GET /m/7 HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until(/abc/)
  client.reset()
  await origins['files']?.requests[0]?.gone
})

test('HTTP/1.0 gets a stream without chunks, ended by the end of the connection', async (t) => {
  const { gateway } = await started(t, (asked) => asked.send(`${CHUNKED}\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n`))
  const client = await dial(t, gateway.port)
  client.send('GET /m/7 HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n')
  assert.equal(await client.ended(), 'closed')
  assert.match(client.text(), /\r\nConnection: close\r\n\r\nabcdef$/)
  assert.doesNotMatch(client.text(), /Transfer-Encoding/i)
})

test('a body that ends with the connection of its instance is whole for the client', async (t) => {
  const { ask } = await started(t, (asked) => {
    asked.send('HTTP/1.1 200 OK\r\n\r\nabc')
    asked.send('def')
    asked.close()
  })
  assert.equal((await ask()).text(), 'abcdef')
})

test('HEAD gets the head of what would be passed on, and its body is not fetched', async (t) => {
  const { ask, origins } = await started(
    t,
    (asked) => asked.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nContent-Type: x/y\r\n\r\n'),
    small,
  )
  const answer = await ask('/m/7', { method: 'HEAD' })
  assert.deepEqual(
    [answer.status, answer.field('content-length'), answer.field('content-type')],
    [200, '1000000', 'x/y'],
  )
  await origins['files']?.requests[0]?.gone
})

test('what the gateway asked to be packed is unpacked on the way', async (t) => {
  const body = Buffer.from(Array.from({ length: 400_000 }, (_, i) => `line ${i * 7919} `).join(''))
  const packed = gzipSync(body)
  const strict = { forwarding: 'strict', completed: 'X-Krakend-Completed' }
  const { ask } = await started(
    t,
    (asked) => {
      assert.equal(asked.field('accept-encoding'), 'gzip')
      if (asked.target === '/files/bad') asked.answer(200, packed.subarray(0, 5000), { 'Content-Encoding': 'gzip' })
      else asked.answer(200, packed, { 'Content-Encoding': 'gzip', 'X-Kind': 'log' })
    },
    { ...part, answer_size: '16KiB' },
    strict,
  )
  const answer = await ask()
  assert.equal(hash(answer.body), hash(body))
  assert.equal(answer.field('content-encoding'), undefined)
  assert.equal(answer.field('content-length'), undefined)
  assert.equal(answer.field('x-kind'), 'log')
  assert.equal(answer.field('x-krakend-completed'), 'false')
  const head = await ask('/m/7', { method: 'HEAD' })
  assert.deepEqual(
    [head.status, head.field('content-encoding'), head.field('content-length')],
    [200, undefined, undefined],
  )
  await assert.rejects(ask('/m/bad'), CUT_OFF)
})

test('an event in a packed stream does not wait for the next one', async (t) => {
  const gzip = createGzip()
  const packed: Buffer[] = []
  gzip.on('data', (piece: Buffer) => packed.push(piece))
  gzip.write('data: 1\n\n')
  await new Promise<void>((resolve) => gzip.flush(resolve))
  const { gateway } = await started(
    t,
    (asked) => {
      const bytes = Buffer.concat(packed)
      asked.send(`${CHUNKED}Content-Encoding: gzip\r\n\r\n${bytes.length.toString(16)}\r\n`)
      asked.send(bytes)
      asked.send('\r\n')
    },
    part,
    { forwarding: 'strict' },
  )
  const client = await dial(t, gateway.port)
  client.send('GET /m/7 HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until(/\r\n9\r\ndata: 1\n\n\r\n/)
  client.destroy()
})

test('what is unpacked comes no faster than its client takes it, and whole', async (t) => {
  const body = bytesOf(3 * 1024 * 1024)
  const packed = gzipSync(body)
  const { gateway, ask } = await started(
    t,
    (asked) => {
      if (asked.target === '/files/small') return asked.answer(200, 'small')
      asked.send(`${CHUNKED}Content-Encoding: gzip\r\n\r\n`)
      asked.send(`${packed.length.toString(16)}\r\n`)
      asked.send(packed)
      asked.send('\r\n0\r\n\r\n')
    },
    part,
    { forwarding: 'strict' },
  )
  const client = await dial(t, gateway.port)
  client.send('GET /m/7 HTTP/1.0\r\nHost: h\r\n\r\n')
  await client.until(/\r\n\r\n/)
  client.pause()
  for (let n = 0; n < 50; n++) assert.equal((await ask('/m/small')).text(), 'small')
  client.resume()
  assert.equal(await client.ended(), 'closed')
  const text = client.text()
  assert.equal(hash(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1')), hash(body))
})

test('a redirect that can be followed is followed before anything is passed on', async (t) => {
  const { ask } = await started(
    t,
    (asked) => {
      if (asked.target === '/files/7')
        asked.send(`HTTP/1.1 302 Found\r\nLocation: /new\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)
      else asked.send(`${CHUNKED}\r\n3\r\nnew\r\n0\r\n\r\n`)
    },
    { ...part, redirects: 3 },
  )
  const answer = await ask()
  assert.deepEqual([answer.status, answer.text()], [200, 'new'])
})

test('pipes see what is passed on as they see any answer', async (t) => {
  const { ask } = await started(t, (asked) => asked.send(`${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\n`), part, {
    pipes: [{ use: 'headers', response: { set: { 'X-Seen': 'yes' } } }],
  })
  const answer = await ask()
  assert.deepEqual([answer.field('x-seen'), answer.text()], ['yes', 'abc'])
})
