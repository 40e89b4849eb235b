// A body of a client that passes on as it comes, to the one part whose answer is passed on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { type OriginRequest, startOrigin } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { dial } from '../../kit/wire.js'
import { bytesOf, hash, part, started } from './passing.js'

const strict = { forwarding: 'strict', input_headers: [], completed: 'X-Krakend-Completed' }
const MIB = 1024 * 1024

async function hashing(asked: OriginRequest): Promise<void> {
  const body = await asked.body()
  asked.answer(200, `${body.length} ${hash(body)}`)
}

test('a body longer than would be held arrives whole, with its length', async (t) => {
  const { ask, origins } = await started(t, hashing)
  const body = bytesOf(3 * MIB)
  assert.equal((await ask('/m/7', { method: 'POST', body })).text(), `${body.length} ${hash(body)}`)
  const seen = origins['files']?.requests[0]
  assert.equal(seen?.field('content-length'), String(body.length))
  assert.equal(seen?.field('transfer-encoding'), undefined)
})

test('where lengths do not pass it is sent in chunks', async (t) => {
  const { ask, origins } = await started(t, hashing, part, strict)
  const body = bytesOf(3 * MIB)
  assert.equal((await ask('/m/7', { method: 'PUT', body })).text(), `${body.length} ${hash(body)}`)
  const seen = origins['files']?.requests[0]
  assert.deepEqual([seen?.field('content-length'), seen?.field('transfer-encoding')], [undefined, 'chunked'])
})

test('a body in chunks passes as its client sends it, without its trailers', async (t) => {
  const { gateway, origins } = await started(t, async (asked) => {
    const body = await asked.body()
    asked.answer(200, body)
  })
  const client = await dial(t, gateway.port)
  client.send('POST /m/7 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-User\r\n\r\n3\r\nab')
  client.send('c\r\n')
  // The first piece is there before there is a second one.
  const { connection } = await waitFor(() => origins['files']?.requests[0])
  await waitFor(() => connection.received().includes('abc'))
  client.send('3;ext=1\r\ndef\r\n0\r\nX-User: admin\r\n\r\n')
  await client.until(/\r\n\r\nabcdef$/)
  assert.doesNotMatch(connection.received().toString('latin1'), /admin|ext=1/)
})

test('a client that waits for 100 is told to go on', async (t) => {
  const { gateway } = await started(t, hashing)
  const client = await dial(t, gateway.port)
  client.send('POST /m/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
  await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
  client.send('abc')
  await client.until(/HTTP\/1\.1 200 OK/)
})

test('the time for the answer begins at the end of the body', async (t) => {
  const { gateway } = await started(
    t,
    async (asked) => {
      const body = await asked.body()
      if (body.toString() !== 'hang') asked.answer(200, body)
    },
    { ...part, timeout: '1500ms' },
  )
  const client = await dial(t, gateway.port)
  client.send('POST /m/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nsl')
  await new Promise((resolve) => setTimeout(resolve, 1700))
  client.send('ow')
  await client.until(/\r\n\r\nslow$/)
  client.send('POST /m/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nhang')
  await client.until(/HTTP\/1\.1 500 /)
})

test('an instance that reads slowly gets all of it', async (t) => {
  const body = bytesOf(3 * MIB)
  const { ask } = await started(t, async (asked) => {
    await asked.read(1000)
    // What reads in this process stands still for a while.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    await hashing(asked)
  })
  assert.equal((await ask('/m/7', { method: 'POST', body })).text(), `${body.length} ${hash(body)}`)
})

test('an answer that comes before the end of the body reaches the client', async (t) => {
  const { gateway } = await started(t, (asked) => asked.answer(413, 'too much'))
  const client = await dial(t, gateway.port)
  client.send('POST /m/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc')
  const answer = await client.until(/too much$/)
  assert.match(answer, /^HTTP\/1\.1 413 /)
  assert.match(answer, /\r\nConnection: close\r\n/)
})

test('an instance is let go of when its client goes in the middle of a body', async (t) => {
  const { gateway, origins } = await started(t, () => undefined)
  const client = await dial(t, gateway.port)
  client.send('POST /m/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc')
  const seen = await waitFor(() => origins['files']?.requests[0])
  client.reset()
  await seen.gone
})

test('a redirect that wants the body again is passed on, one that does not is followed', async (t) => {
  const { ask, origins } = await started(
    t,
    async (asked) => {
      if (asked.target === '/new') return asked.answer(200, `${asked.method} new`)
      await asked.body()
      asked.answer(asked.target === '/files/307' ? 307 : 303, '', { Location: '/new' })
    },
    { ...part, redirects: 3 },
  )
  const again = await ask('/m/307', { method: 'POST', body: 'abc' })
  assert.deepEqual([again.status, again.field('location')], [307, '/new'])
  assert.equal((await ask('/m/303', { method: 'POST', body: 'abc' })).text(), 'GET new')
  const [, , followed] = origins['files']?.requests ?? []
  assert.deepEqual(
    ['content-length', 'transfer-encoding', 'content-type'].map((name) => followed?.field(name)),
    [undefined, undefined, undefined],
  )
})

test('what came before the call could begin is not lost', async (t) => {
  // Whether it may be asked is answered later than the body comes.
  const { ask } = await started(t, hashing, { ...part, rate_limit: { rate: 1000 } })
  const body = bytesOf(2 * MIB)
  assert.equal((await ask('/m/7', { method: 'POST', body })).text(), `${body.length} ${hash(body)}`)
})

test('an instance that refuses costs the body nothing', async (t) => {
  const origin = await startOrigin(t, hashing)
  const refusing = `127.0.0.1:${await freePort()}`
  const gateway = await startGateway(t, {
    services: { files: { servers: [refusing, origin.address], apis: ['/of'], balance: { strategy: 'round-robin' } } },
    routes: [{ match: { path: '/m/{id}' }, merge: [part], output: 'no-op', timeout: '20s' }],
  })
  const body = bytesOf(MIB)
  for (let n = 0; n < 2; n++) {
    const answer = await request(gateway.port, 'POST', '/m/7', { body })
    assert.equal(answer.text(), `${body.length} ${hash(body)}`)
  }
})

test('a bound that the config names is kept, and so is that of a body which must be held', async (t) => {
  const { ask } = await started(t, hashing, part, { request_size: '1KiB' })
  assert.equal((await ask('/m/7', { method: 'POST', body: bytesOf(1025) })).status, 413)
  const held = await started(t, hashing, { ...part, concurrent_calls: 2 })
  assert.equal((await held.ask('/m/7', { method: 'POST', body: bytesOf(MIB + 1) })).status, 413)
  assert.equal((await held.ask('/m/7', { method: 'POST', body: bytesOf(1000) })).status, 200)
})

test('a part that takes no body is asked without it', async (t) => {
  const { ask, origins } = await started(t, (asked) => asked.answer(200, asked.method), { ...part, method: 'GET' })
  assert.equal((await ask('/m/7', { method: 'POST', body: bytesOf(2 * MIB) })).text(), 'GET')
  assert.equal(origins['files']?.requests[0]?.field('content-length'), undefined)
})
