// Other workers without loss, on the built product: replaced one by one under load, more of them and fewer.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { makeCertificate } from '../kit/certificates.js'
import { startOpenLoad } from '../kit/open-load.js'
import { startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'
import { configFor, post, save, service, startPlain, times, workerStates } from './changing.js'

test(
  'workers are replaced one by one under load, and no connection and no request is lost',
  { timeout: 180_000 },
  async (t) => {
    const origin = await startPlain(t, 'a')
    const serverpy = await startServerpy(t, { services: { s: service([origin], '/s') } })
    const workers = async () => {
      const { items } = await serverpy.ask<{ items: { pid: number; state: string }[] }>('/api/v1/workers')
      return items.map(({ pid }) => pid)
    }
    const before = await workers()
    const loads = [
      startOpenLoad(serverpy.processorPort, '/s', { perSecond: 250, posts: true }),
      startOpenLoad(serverpy.processorPort, '/s', { perSecond: 250, fresh: true }),
    ]
    for (let i = 0; i < 3; i++) {
      const answer = await post(serverpy, '/api/v1/reload?workers=true')
      assert.equal(answer.status, 200, answer.text())
      assert.deepEqual((answer.json() as Record<string, unknown>)['replaced_workers'], { replaced: 2, draining: 0 })
    }
    const after = await workers()
    assert.equal(after.length, 2)
    assert.deepEqual(
      after.filter((pid) => before.includes(pid)),
      [],
    )
    const outcomes = await Promise.all(loads.map((load) => load.stop()))
    assert.deepEqual(
      outcomes,
      loads.map((load) => ({ 200: load.sent })),
    )
    // What the old workers counted at last is in the sums.
    const { requests } = await serverpy.ask<{ requests: { total: number } }>('/stats')
    assert.equal(
      requests.total,
      loads.reduce((sum, load) => sum + load.sent, 0),
    )
  },
)

test('an idle connection gets one more answer, and is told that it was the last', { timeout: 60_000 }, async (t) => {
  const origin = await startPlain(t, 'a')
  const serverpy = await startServerpy(t, {
    services: { s: service([origin], '/s') },
    processor: { workers: 1, timeouts: { drain: 3 } },
  })
  const idle = net.connect(serverpy.processorPort, '127.0.0.1')
  const silent = net.connect(serverpy.processorPort, '127.0.0.1')
  t.after(() => {
    idle.destroy()
    silent.destroy()
  })
  let said = ''
  idle.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
  const ask = 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n'
  idle.write(ask)
  silent.write(ask)
  await waitFor(() => said.endsWith('\r\n\r\na') || said.includes('0\r\n\r\n'))
  assert.doesNotMatch(said, /^connection: close/im)
  let ended = false
  silent.on('end', () => (ended = true)).resume()
  process.kill(serverpy.pid, 'SIGUSR2')
  await waitFor(() => times(serverpy.output(), /worker serves/) === 2)
  await waitFor(async () => (await workerStates(serverpy)) === 'draining,serving')
  said = ''
  idle.write(ask)
  await waitFor(() => /^HTTP\/1.1 200[^]*connection: close/im.test(said), { what: 'the last answer' })
  // One that asks no more is closed after `drain`, and with it the worker ends.
  await waitFor(() => ended)
  await waitFor(() => times(serverpy.output(), /the workers were replaced/) === 1)
})

test(
  'the number of workers follows the file, and what needs a restart is told and left',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startPlain(t, 'a')
    const serverpy = await startServerpy(t, { services: { s: service([origin], '/s') } })
    const load = startOpenLoad(serverpy.processorPort, '/s', { perSecond: 200, fresh: true })
    for (const workers of [3, 1]) {
      const text = configFor(serverpy, { services: { s: service([origin], '/s') }, processor: { workers, port: 1 } })
      await save(serverpy, text)
      const answer = (await post(serverpy, '/api/v1/reload')).json() as { plan: { restart: string[] } }
      assert.deepEqual(answer.plan.restart, ['processor.port'])
      await waitFor(async () => (await workerStates(serverpy)) === Array<string>(workers).fill('serving').join(), {
        what: `${workers} workers`,
      })
    }
    assert.match(serverpy.output(), /"key":"processor\.port","msg":"this setting needs a restart; the old value stays"/)
    assert.deepEqual(await load.stop(), { 200: load.sent })
  },
)

test('a worker that leaves waits for whoever still shakes hands', { timeout: 60_000 }, async (t) => {
  const origin = await startPlain(t, 'a')
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-e2e-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const files = { cert: join(folder, 'own.pem'), key: join(folder, 'own.key') }
  const { cert, key } = await makeCertificate({ subject: 'localhost' })
  await writeFile(files.cert, cert)
  await writeFile(files.key, key)
  const serverpy = await startServerpy(t, {
    services: { s: service([origin], '/s') },
    processor: { workers: 1, tls: files },
  })
  const relay = await startRelay(t, serverpy.processorPort)
  const slow = talk(t, relay.port)
  slow.ask()
  await waitFor(() => relay.held > 0, { what: 'a handshake under way' })
  const quick = talk(t, serverpy.processorPort)
  quick.ask()
  await waitFor(() => quick.answers() === 1)
  process.kill(serverpy.pid, 'SIGUSR2')
  await waitFor(async () => (await workerStates(serverpy)) === 'draining,serving')
  // Its last connection goes; all that it has left then is a handshake.
  quick.ask()
  await waitFor(() => quick.ended() && quick.answers() === 2)
  assert.match(quick.said(), /connection: close/i)
  for (let i = 0; i < 50; i++) assert.equal(await workerStates(serverpy), 'draining,serving')
  relay.release()
  await waitFor(() => slow.answers() === 1, { what: `the answer, not ${slow.said()}` })
  assert.match(slow.said(), /connection: close/i)
  slow.end()
  await waitFor(async () => (await workerStates(serverpy)) === 'serving', { what: 'the end of the old worker' })
})

/** One TLS connection that asks when told. */
function talk(t: TestContext, port: number) {
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.after(() => socket.destroy())
  let said = ''
  let ended = false
  socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
  socket.on('end', () => (ended = true))
  socket.on('error', (error) => (said += error.message))
  return {
    ask: () => void socket.write('GET /s HTTP/1.1\r\nHost: h\r\n\r\n'),
    said: () => said,
    answers: () => times(said, /HTTP\/1\.1 200/),
    ended: () => ended,
    end: () => void socket.destroy(),
  }
}

/** Passes on one connection; of what the client sends, only the first piece until it is released. */
async function startRelay(t: TestContext, port: number) {
  const held: Buffer[] = []
  let first = true
  let holding = true
  const far = net.connect(port, '127.0.0.1')
  const relay = net.createServer((near) => {
    near.on('data', (chunk) => {
      if (holding && !first) held.push(chunk)
      else far.write(chunk)
      first = false
    })
    far.on('data', (chunk) => near.write(chunk))
    far.on('end', () => near.end())
    near.on('error', () => undefined)
    near.on('close', () => far.destroy())
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    relay.close()
    far.destroy()
  })
  return {
    port: (relay.address() as AddressInfo).port,
    get held() {
      return held.length
    },
    release() {
      holding = false
      for (const chunk of held) far.write(chunk)
    },
  }
}
