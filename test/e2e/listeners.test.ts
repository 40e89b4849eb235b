// Ports beside the processor's own, on the built product: what a start says of them, and what operators can do about
// connections that carry no requests.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { request } from '../kit/http.js'
import { startServerpy } from '../kit/serverpy.js'
import { isListening } from '../kit/ports.js'
import { waitFor } from '../kit/wait.js'
import { dial, listen } from '../kit/wire.js'
import { configFor, post, save } from './changing.js'

const polling = { method: 'tcp', frequency: '10m', timeout: '500ms' }

interface Shown {
  readonly id: string
  readonly health: string
  readonly in_flight: number
}

interface Listener {
  readonly name: string | null
  readonly port: number
  readonly connections: number
}

/** Says its name to whoever connects, and ends when the other side does. */
const speaker = (t: TestContext, name: string) =>
  listen(t, (wire) => {
    wire.send(`${name}\n`)
    void wire.ended(60_000).then(() => wire.destroy())
  })

test('a drain with wait is over when the last bare connection has gone, and each of them is in the sums', async (t) => {
  const [first, second] = [await speaker(t, 'a'), await speaker(t, 'b')]
  const serverpy = await startServerpy(t, {
    processor: { listeners: [{ name: 'db', port: 0, host: '127.0.0.1', tcp: 'db' }] },
    services: {
      db: {
        servers: [
          { url: first.address, priority: 'high' },
          { url: second.address, priority: 'low' },
        ],
        polling,
      },
    },
  })
  const [, digits] = /"listeners":\{"db":(\d+)\}/.exec(serverpy.output()) ?? []
  const port = Number(digits)
  assert.ok(port > 0, serverpy.output())
  const shown = async () => {
    const { service_statistics: all } = await serverpy.ask<{ service_statistics: Shown[] }>('/stats?packets=0')
    return all.find(({ id }) => id.endsWith(`:${first.port}`))
  }
  await waitFor(async () => (await shown())?.health === 'up')
  const wire = await dial(t, port)
  assert.equal(await wire.until(/\n/), 'a\n')
  await waitFor(async () => (await shown())?.in_flight === 1)
  const id = encodeURIComponent(`db/${first.address}`)
  const draining = request(serverpy.discoveryPort, 'POST', `/api/v1/drain?instance=${id}&wait=30`, {
    timeoutMs: 35_000,
  })
  let done = false
  void draining.then(() => (done = true))
  await waitFor(async () => {
    const other = await dial(t, port)
    const name = await other.until(/\n/)
    other.destroy()
    return name === 'b\n'
  })
  assert.equal(done, false)
  for (const one of first.wires) if (one.end === 'open') one.send('still served\n')
  await wire.until(/still served/)
  wire.destroy()
  const { state, in_flight: inFlight } = (await draining).json() as { state: string; in_flight: number }
  assert.deepEqual([state, inFlight], ['safe to stop', 0])
  const { requests } = await serverpy.ask<{ requests: { total: number } }>('/stats')
  assert.ok(requests.total >= 1, `${requests.total}`)
})

test('a listener is added, seen, and taken away by a file that is saved; one whose port is taken refuses it', async (t) => {
  const server = await speaker(t, 'a')
  const taken = await listen(t, () => undefined)
  const services = { db: { servers: [server.address], polling, apis: ['/db'] } }
  const serverpy = await startServerpy(t, { services })
  const listening = (...listeners: object[]) =>
    save(serverpy, configFor(serverpy, { services, processor: { listeners } }))
  const shown = async () => (await serverpy.ask<{ items: Listener[] }>('/api/v1/listeners')).items
  await waitFor(async () => (await serverpy.ask<{ items: Shown[] }>('/api/v1/instances')).items[0]?.health === 'up')
  assert.deepEqual(
    (await shown()).map(({ name, port }) => [name, port]),
    [[null, serverpy.processorPort]],
  )
  const db = { name: 'db', port: 0, host: '127.0.0.1', tcp: 'db' }
  await listening(db)
  await waitFor(async () => (await shown()).length === 2)
  const port = (await shown())[1]?.port ?? 0
  const wire = await dial(t, port)
  assert.equal(await wire.until(/\n/), 'a\n')
  await waitFor(async () => (await shown())[1]?.connections === 1)
  // Both are wrong now, and neither is touched.
  await listening({ ...db, name: 'moved' }, { ...db, name: 'other', port: taken.port })
  await waitFor(() => serverpy.output().includes(`port ${taken.port} is in use (listener \\"other\\")`))
  const refused = await post(serverpy, '/api/v1/reload')
  assert.equal(refused.status, 422)
  const { problems } = refused.json() as { problems: { path: string; message: string }[] }
  // A plan would have said it before, in the same words.
  assert.deepEqual(((await post(serverpy, '/api/v1/plan')).json() as { problems: unknown }).problems, problems)
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['processor.listeners[1].port'],
  )
  assert.deepEqual(
    (await shown()).map(({ name }) => name),
    [null, 'db'],
  )
  const again = await dial(t, port)
  assert.equal(await again.until(/\n/), 'a\n')
  await listening()
  await waitFor(async () => (await shown()).length === 1)
  await waitFor(async () => !(await isListening(port)))
  wire.send('still there')
  await waitFor(() => server.wires.some((one) => one.text() === 'still there'))
  wire.destroy()
  again.destroy()
})

test('a listener whose port is in use ends the start with one line', async (t) => {
  const taken = await listen(t, () => undefined)
  const started = startServerpy(t, {
    processor: { listeners: [{ name: 'db', port: taken.port, host: '127.0.0.1', tcp: 'db' }] },
    services: { db: { servers: [taken.address], polling } },
  })
  await assert.rejects(started, /port \d+ is in use \(listener "db"\)/)
})
