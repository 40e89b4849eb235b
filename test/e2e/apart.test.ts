// Discovery server and request processor as two processes: what is said to the one reaches the other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { fastPolling, startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'

test('a purge at the discovery server reaches a processor that runs apart', { timeout: 60_000 }, async (t) => {
  let asked = 0
  const origin = await startOrigin(t, (r) => {
    if (r.target !== '/health') asked++
    r.answer(200, 'ok', { 'Cache-Control': 'max-age=600' })
  })
  const services = { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'], pipes: [{ use: 'cache' }] } }
  const discovery = await startServerpy(t, { services, command: ['discovery'] })
  const { processorPort, discoveryPort } = discovery
  await startServerpy(t, {
    services,
    beside: discovery,
    command: ['processor', '--registry', `http://127.0.0.1:${discoveryPort}`],
  })
  const get = async () => assert.equal((await request(processorPort, 'GET', '/s')).status, 200)
  await get()
  await get()
  assert.equal(asked, 1)
  const target = `/api/v1/purge?url=${encodeURIComponent(`http://127.0.0.1:${processorPort}/s`)}`
  const purged = await request(discoveryPort, 'POST', target)
  assert.deepEqual(purged.json(), { answers: 0, workers: 0, silent: 0, elsewhere: 1 })
  await waitFor(async () => {
    await get()
    return asked === 2
  })
})
