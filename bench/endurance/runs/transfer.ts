// A body that is taken slowly: it stays where it comes from, and the worker holds next to nothing of it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../../../test/kit/process.js'
import { waitFor } from '../../../test/kit/wait.js'
import { median } from '../../proxy/statistics.js'
import { type Bed, type Origin, part, startBed, startOrigin } from '../bed.js'
import { atMost, type Check, exactly } from '../check.js'
import { isOwn } from '../network.js'
import type { Part } from '../parts/calls.js'
import type { TransferCalls, TransferSummary } from '../parts/transfers.js'

export interface TransferSize {
  readonly bytes: number
  readonly bytesPerSecond: number
  /** After which both are broken off; undefined: they go on to their end. */
  readonly watchMs?: number
  readonly mostGrowthMb: number
  /** What goes at full speed before, so that buffers and compiled code are there when it counts. */
  readonly warmBytes: number
}

/** What the kernel may hold of a body on two connections; on the machine's own network it lets four buffers grow to megabytes. */
const MOST_AHEAD_MB = isOwn ? 2 : 32

export async function transfer(t: Cleanup, size: TransferSize): Promise<Check[]> {
  const origin = await startOrigin(t)
  const bed = await startBed(t, { services: { s: origin } })
  const client = part<TransferCalls>(t, 'transfers')
  const { port } = bed
  for (const plan of [
    { path: `/s/bytes/${size.warmBytes}`, bytes: 0 },
    { path: '/s/sink/0', bytes: size.warmBytes },
  ]) {
    await client.ask('begin', { port, bytesPerSecond: 0, count: 1, ...plan })
    await waitFor(async () => (await client.ask('summary')).ends['200'] === 1, { timeoutMs: 60_000, intervalMs: 50 })
    await client.ask('end')
  }
  return [
    ...(await move('down', size, bed, origin, client)),
    ...(await move('up', size, bed, origin, client)),
    await bed.worker.soundness(),
  ]
}

async function move(
  direction: 'down' | 'up',
  { bytes, bytesPerSecond, watchMs, mostGrowthMb }: TransferSize,
  { port, worker }: Bed,
  origin: Origin,
  client: Part<TransferCalls>,
): Promise<Check[]> {
  const down = direction === 'down'
  const path = down ? `/s/bytes/${bytes}` : `/s/sink/${bytesPerSecond}`
  const sockets = worker.sockets()
  const before = await origin.ask('counters')
  await sleep(1000)
  const startBytes = median(await samples(worker.rssBytes, 10))
  const memory = worker.memory()
  await client.ask('begin', {
    port,
    path,
    bytes: down ? 0 : bytes,
    bytesPerSecond: down ? bytesPerSecond : 0,
    count: 1,
  })

  /** How far the sending side is ahead of the reading one, at the most. */
  let mostAhead = 0
  let last: TransferSummary
  const startedAt = performance.now()
  do {
    await sleep(500)
    last = await client.ask('summary')
    const now = await origin.ask('counters')
    const ahead = down ? now.sent - before.sent - last.received : last.sent - (now.received - before.received)
    mostAhead = Math.max(mostAhead, ahead)
  } while (last.ends.open === 1 && (watchMs === undefined || performance.now() - startedAt < watchMs))
  const seconds = (performance.now() - startedAt) / 1000
  const growthMb = (memory.stop().mostBytes - startBytes) / 2 ** 20
  const { received } = await origin.ask('counters')
  const moved = down ? last.received : received - before.received
  await client.ask('end')
  const { inFlight } = await worker.settled(20_000)
  await waitFor(() => worker.sockets() <= sockets, { timeoutMs: 10_000 }).catch(() => undefined)

  const title = `1 body ${direction} at ${(bytesPerSecond / 1e6).toFixed(1)} MB/s`
  const checks = [
    atMost(`${title}: growth of the worker's memory over ${seconds.toFixed(0)} s`, growthMb, mostGrowthMb, 'MiB', 1),
    atMost(`${title}: sent, but not read yet`, mostAhead / 2 ** 20, MOST_AHEAD_MB, 'MiB', 1),
    // At the pace that was asked for, so that it was really held back, and really went on.
    exactly(
      `${title}: at least half of the pace`,
      moved >= (bytesPerSecond * seconds) / 2 ? 'kept' : `${moved} bytes`,
      'kept',
    ),
    exactly(
      `${title}: in flight, and sockets that are left`,
      `${inFlight}, ${Math.max(0, worker.sockets() - sockets)}`,
      '0, 0',
    ),
  ]
  if (watchMs === undefined) checks.push(exactly(`${title}: came to its end`, Object.keys(last.ends).join(), '200'))
  return checks
}

async function samples(read: () => number, count: number): Promise<number[]> {
  const list: number[] = []
  for (let i = 0; i < count; i++) {
    list.push(read())
    await sleep(50)
  }
  return list
}
