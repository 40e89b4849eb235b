// What a worker's memory is at 64 busy connections, and what each of ten thousand idle ones adds.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../../../test/kit/process.js'
import { part, startBed, startOrigin } from '../bed.js'
import { atMost, type Check, exactly, tally } from '../check.js'
import type { CrowdCalls } from '../parts/crowd.js'
import type { HonestCalls } from '../parts/honest.js'

export interface IdleSize {
  readonly connections: number
  readonly busyMs: number
  /** After the last answer, so that what was only in passing can go. */
  readonly settleMs: number
}

const BUSY_CONNECTIONS = 64
const BUSY_PER_SECOND = 4000
const MOST_BUSY_MB = 80
const MOST_IDLE_KB = 40

export async function idle(t: Cleanup, { connections, busyMs, settleMs }: IdleSize): Promise<Check[]> {
  const origin = await startOrigin(t)
  const { port, worker } = await startBed(t, { services: { s: origin } })
  const honest = part<HonestCalls>(t, 'honest')
  const memory = worker.memory()
  await honest.ask('start', { port, path: '/s/echo/', connections: BUSY_CONNECTIONS, perSecond: BUSY_PER_SECOND })
  await sleep(busyMs)
  const { outcomes, sent } = await honest.ask('stop')
  const busyMb = memory.stop().mostBytes / 2 ** 20
  const before = worker.rssBytes()

  const crowd = part<CrowdCalls>(t, 'crowd')
  await crowd.ask('gather', port, '/s/echo/idle', connections)
  await sleep(settleMs)
  const kbEach = (worker.rssBytes() - before) / 1024 / connections
  const { connections: seen } = await worker.gauges()
  const open = await crowd.ask('open')
  await crowd.ask('disperse')
  return [
    atMost(`${BUSY_CONNECTIONS} connections, ${sent} requests: memory of the worker`, busyMb, MOST_BUSY_MB, 'MiB', 1),
    exactly('their answers', tally(outcomes), `${sent} × 200`),
    exactly(
      'idle connections, as the clients and as the worker see it',
      `${open}, ${seen}`,
      `${connections}, ${connections}`,
    ),
    atMost(`${connections} idle connections: memory for each`, kbEach, MOST_IDLE_KB, 'KB', 1),
    await worker.soundness(),
  ]
}
