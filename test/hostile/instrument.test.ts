// The instrument against what it has to find: a gateway that passes on all bytes as they are.
import assert from 'node:assert/strict'
import net, { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { surplus } from './cases/surplus.js'
import { pathWalks } from './cases/paths.js'
import { transferEncoding } from './cases/transfer-encoding.js'
import { type Lane, PLAIN, servicesOf } from './lane.js'
import { startRecorder } from './recorder.js'
import { run } from './run.js'

/** Joins each client to the origin, and reads nothing. */
async function startSplice(): Promise<Lane> {
  const ends: (() => unknown)[] = []
  const origin = await startRecorder({ after: (end) => void ends.push(end) })
  const upstream = Number(origin.authority.split(':')[1])
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const socket = net.connect({ port: upstream, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    for (const [from, to] of [
      [client, socket],
      [socket, client],
    ] as const) {
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    origins: new Map([['app', origin]]),
    serves: (service, path) => servicesOf(PLAIN, path).includes(service),
    share: () => undefined,
    quiet: async () => undefined,
    async stop() {
      server.close()
      for (const end of ends) await end()
    },
  }
}

test('whatever has to be refused is found where nothing is refused', async () => {
  // Those that some origin answers at once.
  const framed = transferEncoding.filter(({ name }) => name.startsWith('a length, then'))
  const walked = pathWalks.filter(({ expect }) => expect === 'answered')
  const cases = [...framed, ...walked].filter((_, i) => i % 16 === 0)
  assert.ok(cases.length > 30)
  const failures = await run(cases, { start: startSplice })
  assert.deepEqual(
    failures.map(({ name }) => name),
    cases.map(({ name }) => name),
  )
})

test('bytes that answer nothing are found where they are passed on', async () => {
  const poisoned = surplus.filter(({ name }) => name.startsWith('another answer behind'))
  assert.ok(poisoned.length > 5)
  const failures = await run(poisoned, { start: startSplice })
  assert.equal(failures.length, poisoned.length)
})
