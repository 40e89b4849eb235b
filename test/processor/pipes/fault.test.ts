// The pipe `fault` over real sockets: which requests it delays or aborts, and what is left of it when a client gives up.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { rawRequest, request } from '../../kit/http.js'
import { waitFor } from '../../kit/wait.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

test('a request is answered with the status of the config, and no instance hears of it', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'fault', abort: 503 }])
  const answer = await request(port, 'GET', '/')
  assert.equal(answer.status, 503)
  assert.match(answer.text(), /pipe "fault"/)
  assert.equal(origin.requests.length, 0)
})

test('a status that allows no content has none', async (t) => {
  for (const abort of [204, 205, 304]) {
    const { port } = await startPiped(t, {}, [{ use: 'fault', abort }])
    const bytes = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
    const raw = (await rawRequest(port, bytes + bytes, { answers: 2 })).toString('latin1')
    assert.equal(raw.match(/HTTP\/1\.1 /g)?.length, 2)
    assert.doesNotMatch(raw, /pipe "fault"|content-type|transfer-encoding/i)
    // What follows a 205 is told by its length, as behind any answer: RFC 9110 section 15.3.6.
    assert.equal(raw.match(/^Content-Length: 0\r$/gm)?.length ?? 0, abort === 205 ? 2 : 0, raw)
  }
})

test('a request waits at least as long as the config says, and then passes', async (t) => {
  const { port } = await startPiped(t, {}, [{ use: 'fault', delay: { from: '80ms', to: '120ms' } }])
  const begun = performance.now()
  assert.equal((await request(port, 'GET', '/')).status, 200)
  assert.ok(performance.now() - begun >= 79)
})

test('only requests with the field are meant, and with the value where there is one', async (t) => {
  const { port } = await startPiped(t, {}, [{ use: 'fault', abort: 418, header: 'X-Chaos', value: 'now' }])
  const status = async (fields: Record<string, string>) => (await request(port, 'GET', '/', { fields })).status
  assert.deepEqual([await status({}), await status({ 'X-Chaos': 'later' })], [200, 200])
  assert.equal(await status({ 'x-chaos': 'now' }), 418)
})

test('a share of the requests is meant', async (t) => {
  const { port } = await startPiped(t, {}, [{ use: 'fault', abort: 500, share: '50%' }])
  let aborted = 0
  for (let i = 0; i < 200; i++) if ((await request(port, 'GET', '/')).status === 500) aborted++
  assert.ok(aborted > 60 && aborted < 140, `${aborted} of 200`)
})

test('of requests whose clients have gone nothing reaches an instance when the delay is over', async (t) => {
  const { port, origin, gateway } = await startPiped(t, {}, [{ use: 'fault', delay: '300ms' }])
  for (let i = 0; i < 5; i++) {
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /gone HTTP/1.1\r\nHost: x\r\n\r\n')
    await waitFor(() => gateway.core.inFlight === 1, { what: 'the request' })
    socket.resetAndDestroy()
    await waitFor(() => gateway.core.inFlight === 0, { what: 'the end of the exchange' })
  }
  // It waits as long as those before it, and began later.
  assert.equal((await request(port, 'GET', '/here')).status, 200)
  assert.deepEqual(
    origin.requests.map(({ target }) => target),
    ['/here'],
  )
})

test('faults of the config', () => {
  const faults = (options: object) => saidOf({ use: 'fault', ...options }).faults.join()
  assert.match(faults({}), /needs "delay" or "abort"/)
  assert.match(faults({ delay: { from: 2, to: 1 } }), /"to" is shorter than "from"/)
  assert.match(faults({ abort: 500, value: 'x' }), /"header" is missing beside it/)
  assert.match(faults({ abort: 99 }), /at least 200/)
})
