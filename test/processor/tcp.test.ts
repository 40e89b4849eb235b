// Bare connections through a listener: which instance gets them, and how many there may be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testConfig } from '../kit/gateway.js'
import { freePort, isListening } from '../kit/ports.js'
import { waitFor } from '../kit/wait.js'
import { dial, listen } from '../kit/wire.js'
import { startSupervised } from './supervised.js'
import { inFlight, speaker, stuckInstance, through } from './tcp.js'

test('a connection goes to the best instance, which may speak first', async (t) => {
  const [low, high] = [await speaker(t, 'low'), await speaker(t, 'high')]
  const { gateway, port } = await through(t, {
    servers: [
      { url: low.address, priority: 'low' },
      { url: high.address, priority: 'high' },
    ],
  })
  const wire = await dial(t, port)
  assert.equal(await wire.until(/\n/), 'high\n')
  wire.send('question')
  await waitFor(() => high.wires[0]?.text() === 'question')
  // An operator drains it: whoever is there stays, and whoever comes goes elsewhere.
  gateway.set({ [high.address]: { override: 'drain' } })
  assert.equal(await (await dial(t, port)).until(/\n/), 'low\n')
  high.wires[0]?.send('answer\n')
  assert.equal(await wire.until(/answer/), 'high\nanswer\n')
  assert.equal(inFlight(gateway), 2)
  wire.finish()
  high.wires[0]?.finish()
  await waitFor(() => inFlight(gateway) === 1)
})

test('an instance that refuses connections costs none: another one gets it, and the dead one is left alone', async (t) => {
  const dead = await freePort()
  const alive = await speaker(t, 'alive')
  const { gateway, port } = await through(t, {
    servers: [{ url: `127.0.0.1:${dead}`, priority: 'high' }, alive.address],
    outlier: true,
  })
  for (let i = 0; i < 5; i++) {
    const wire = await dial(t, port)
    assert.equal(await wire.until(/\n/), 'alive\n')
    wire.finish()
    alive.wires[i]?.finish()
    assert.equal(await wire.ended(), 'closed')
  }
  await waitFor(() => gateway.core.bare.size === 0)
  const { suspects, attempts, retries, records } = gateway.report()
  assert.equal(suspects.length, 1)
  assert.deepEqual(attempts, { success: 5, failure: 1, timeout: 0 })
  assert.equal(retries, 1)
  assert.deepEqual(records.map(({ attempts, status }) => [attempts, status]).sort(), [
    [1, 200],
    [1, 200],
    [1, 200],
    [1, 200],
    [2, 200],
  ])
})

test('where nobody can be reached the client is told by the end of its connection, and it is counted', async (t) => {
  const dead = await freePort()
  const { gateway, port } = await through(t, { servers: [`127.0.0.1:${dead}`] })
  const wire = await dial(t, port)
  wire.send('hello')
  assert.notEqual(await wire.ended(), 'open')
  await waitFor(() => gateway.core.bare.size === 0)
  const { codes, records } = gateway.report()
  assert.deepEqual(codes, { 'connection-refused': 1 })
  assert.deepEqual(
    records.map(({ method, path, status, route, service }) => [method, path, status, route, service]),
    [['TCP', '', 502, 'tcp:db', 'db']],
  )
  gateway.set({ [`127.0.0.1:${dead}`]: { override: 'out-of-service' } })
  assert.notEqual(await (await dial(t, port)).ended(), 'open')
  await waitFor(() => gateway.report().codes['no-instance'] === 1)
})

test('a connection without a byte ends after its idle time, and one in use does not', async (t) => {
  const server = await listen(t, () => undefined)
  const { port } = await through(t, { servers: [server.address] }, { idle: '300ms' })
  const [quiet, busy] = [await dial(t, port), await dial(t, port)]
  const talking = setInterval(() => busy.send('.'), 50)
  t.after(() => clearInterval(talking))
  assert.notEqual(await quiet.ended(), 'open')
  await waitFor(() => server.wires.some((wire) => wire.text().length > 15))
  assert.equal(busy.end, 'open')
})

test('a connection over the cap is closed at once, and is counted', async (t) => {
  const server = await speaker(t, 'a')
  const { gateway, port } = await through(t, { servers: [server.address] }, { connections: 2 })
  const [first] = [await dial(t, port), await dial(t, port)]
  await waitFor(() => server.wires.length === 2)
  const third = await dial(t, port)
  assert.notEqual(await third.ended(), 'open')
  assert.equal(third.text(), '')
  assert.equal(server.wires.length, 2)
  const { refusals, codes } = gateway.report()
  assert.equal(refusals.overload, 1)
  assert.equal(codes.overload, 1)
  first.destroy()
  server.wires[0]?.destroy()
  server.wires[1]?.send('still here')
  await waitFor(() => gateway.core.bare.size < 2)
  assert.equal(await (await dial(t, port)).until(/\n/), 'a\n')
})

test('an instance that does not accept in time is left for another one', async (t) => {
  const alive = await speaker(t, 'alive')
  const { stuck } = await stuckInstance(t)
  const { gateway, port } = await through(t, {
    servers: [{ url: stuck, priority: 'high' }, alive.address],
    timeout: { connect: '200ms' },
  })
  const wire = await dial(t, port)
  assert.equal(await wire.until(/\n/), 'alive\n')
  assert.deepEqual(gateway.report().attempts, { success: 0, failure: 0, timeout: 1 })
})

test('an instance that accepts connections and breaks each of them is left alone', async (t) => {
  const broken = await listen(t, (wire) => void setTimeout(() => wire.reset(), 30))
  const alive = await speaker(t, 'alive')
  const { gateway, port } = await through(t, {
    servers: [{ url: broken.address, priority: 'high' }, alive.address],
    outlier: { failures: 3 },
  })
  for (let i = 0; i < 3; i++) {
    const wire = await dial(t, port)
    assert.equal(await wire.ended(), 'reset')
  }
  await waitFor(() => gateway.core.bare.size === 0)
  assert.equal(await (await dial(t, port)).until(/\n/), 'alive\n')
  assert.equal(broken.wires.length, 3)
})

test('what a client says takes no instance from others, however the instance ends it', async (t) => {
  const strict = await listen(t, (wire) => void wire.until(/garbage/).then(() => wire.reset()))
  const spare = await speaker(t, 'spare')
  const { gateway, port } = await through(t, {
    servers: [{ url: strict.address, priority: 'high' }, spare.address],
    outlier: { failures: 3 },
  })
  for (let i = 0; i < 6; i++) {
    const wire = await dial(t, port)
    wire.send('garbage')
    assert.equal(await wire.ended(), 'reset')
  }
  await waitFor(() => gateway.core.bare.size === 0)
  assert.equal(strict.wires.length, 6)
  assert.ok(gateway.report().suspects.length > 0, 'the polls are asked')
})

test('a service that has all that it can do gets no more connections', async (t) => {
  const server = await speaker(t, 'a')
  const { gateway, port } = await through(t, { servers: [server.address], concurrency: { service: 1 } })
  const first = await dial(t, port)
  await first.until(/\n/)
  const second = await dial(t, port)
  assert.notEqual(await second.ended(), 'open')
  assert.equal(gateway.report().codes.overload, 1)
  first.reset()
  await waitFor(() => gateway.core.bare.size === 0)
  assert.equal(await (await dial(t, port)).until(/\n/), 'a\n')
})

test('a listener whose service is its own port does not call itself for ever', async (t) => {
  const own = await freePort()
  const { gateway } = await through(t, { servers: [`127.0.0.1:${own}`] }, { port: own })
  const wire = await dial(t, gateway.ports['db'] ?? 0)
  assert.notEqual(await wire.ended(), 'open')
  await waitFor(() => gateway.report().codes.loop === 1)
})

test('a worker that ends lets its connections have their time, and then cuts them', { timeout: 60_000 }, async (t) => {
  const server = await speaker(t, 'a')
  const config = testConfig({
    processor: {
      host: '127.0.0.1',
      workers: 1,
      timeouts: { drain: '1500ms' },
      listeners: [{ name: 'db', host: '127.0.0.1', port: 0, tcp: 'db' }],
    },
    services: { db: { servers: [server.address] } },
  })
  const { processor } = await startSupervised(t, config)
  const port = processor.listeners['db'] ?? 0
  const [one, two] = [await dial(t, port), await dial(t, port)]
  await Promise.all([one.until(/\n/), two.until(/\n/)])
  const [first, second] = server.wires
  const draining = processor.drain()
  await waitFor(async () => !(await isListening(port)))
  one.send('still here')
  await waitFor(() => [first, second].some((wire) => wire?.text() === 'still here'))
  assert.deepEqual([one.end, two.end], ['open', 'open'])
  await draining
  assert.notEqual(await one.ended(), 'open')
  assert.notEqual(await two.ended(), 'open')
})
