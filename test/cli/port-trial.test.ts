// What a plan says of ports that only a restart changes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPortTrial } from '../../cli/port-trial.js'
import { parseTestConfig } from '../kit/config.js'
import { freePort, isListening } from '../kit/ports.js'
import { listen } from '../kit/wire.js'

const host = '127.0.0.1'
const services = { s: { servers: ['127.0.0.1:9001'], polling: { method: 'tcp' }, apis: ['/s'] } }
const configOf = (discovery: object, processor: object) =>
  parseTestConfig({ version: 1, discovery: { host, ...discovery }, processor: { host, ...processor }, services })

test('of the ports that a restart would open those are told that cannot be had, and none of the own', async (t) => {
  const [{ port: taken }, { port: other }] = [await listen(t, () => undefined), await listen(t, () => undefined)]
  const [a, b, free] = [await freePort(), await freePort(), await freePort()]
  // In use, as those of a gateway that runs.
  const [own, admin] = [await listen(t, () => undefined), await listen(t, () => undefined)]
  const processor = { port: own.port, listeners: { db: other }, tryPorts: () => Promise.resolve() }
  const ports = createPortTrial({ discovery: admin, processor })
  const inForce = configOf({ port: admin.port }, { port: own.port })
  const blocked = (discovery: object, processor: object) => ports.blocked(inForce, configOf(discovery, processor))
  const told = (whose: string, key: string) =>
    `port ${taken} is in use (${whose}): set ${key} to a free one, or stop what listens there`
  assert.deepEqual(await blocked({ port: admin.port }, { port: taken }), [told('request processor', 'processor.port')])
  assert.deepEqual(await blocked({ port: taken }, { port: own.port }), [told('discovery server', 'discovery.port')])
  for (const [next, mine] of [
    [admin.port, own.port],
    [own.port, admin.port],
    [a, other],
    [a, b],
    [free, a],
  ])
    assert.deepEqual(await blocked({ port: next }, { port: mine }), [], `${next} ${mine}`)
  const [message] = await blocked({ port: a }, { port: b, host: '192.0.2.1' })
  assert.match(message ?? '', /192\.0\.2\.1 is no address of this machine \(request processor\)/)
  assert.deepEqual([await isListening(a), await isListening(b), await isListening(free)], [false, false, false])
})

test('a half that does not run here has no ports here', async (t) => {
  const { port: taken } = await listen(t, () => undefined)
  const inForce = configOf({ port: 1 }, { port: 2 })
  const wanted = configOf({ port: taken }, { port: await freePort() })
  const processor = { port: 2, listeners: {}, tryPorts: () => Promise.resolve() }
  assert.deepEqual(await createPortTrial({ processor }).blocked(inForce, wanted), [])
  assert.equal((await createPortTrial({ discovery: { port: 1 } }).blocked(inForce, wanted)).length, 1)
})
