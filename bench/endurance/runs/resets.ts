// Clients and instances that reset at random moments, with honest traffic beside them: nothing leaks, nobody is mixed up.
import type { Cleanup } from '../../../test/kit/process.js'
import { request } from '../../../test/kit/http.js'
import { waitFor } from '../../../test/kit/wait.js'
import { part, startBed, startOrigin } from '../bed.js'
import { atMost, type Check, exactly, tally } from '../check.js'
import type { HonestCalls } from '../parts/honest.js'
import type { ResetterCalls } from '../parts/resetters.js'

export interface ResetsSize {
  readonly count: number
  readonly concurrency: number
  readonly perSecond: number
  readonly mostGrowthMb: number
}

/** Of connections and of requests at the instance. */
const CHAOS = 0.03
/** Connections to the instance that the worker may have: were one lost for good at each reset, none would be left. */
const UPSTREAM_CONNECTIONS = 200
const KEEP_ALIVE_MS = 300

export async function resets(t: Cleanup, size: ResetsSize): Promise<Check[]> {
  const { count, concurrency, perSecond } = size
  const origin = await startOrigin(t)
  const { port, worker } = await startBed(t, {
    processor: {
      limits: { upstream_connections: UPSTREAM_CONNECTIONS },
      timeouts: { first_byte_ms: 2000, idle_ms: 2000, request_head_ms: 2000, upstream_keep_alive_ms: KEEP_ALIVE_MS },
    },
    services: { s: origin },
  })
  const honest = part<HonestCalls>(t, 'honest')
  const resetters = part<ResetterCalls>(t, 'resetters')
  const outcomes: Record<string, number> = {}
  let sent = 0
  const half = async (seed: number) => {
    await origin.ask('setChaos', CHAOS)
    await honest.ask('start', { port, path: '/s/echo/', connections: 16, perSecond })
    await resetters.ask('run', { port, service: '/s', concurrency, count: Math.ceil(count / 2), seed })
    const seen = await honest.ask('stop')
    await origin.ask('setChaos', 0)
    sent += seen.sent
    for (const [outcome, n] of Object.entries(seen.outcomes)) outcomes[outcome] = (outcomes[outcome] ?? 0) + n
    const { inFlight } = await worker.settled(10_000)
    return { inFlight, sockets: await quietSockets(worker.sockets), bytes: worker.rssBytes() }
  }
  // What the first half leaves behind is what such traffic needs; what the second adds to it is lost.
  const before = await quietSockets(worker.sockets)
  const first = await half(1)
  const second = await half(2)

  const illegal = Object.entries(outcomes).filter(([outcome]) => !/^(200|50[234])$/.test(outcome))
  const all = Array.from({ length: UPSTREAM_CONNECTIONS }, () => request(port, 'GET', '/s/wait/500'))
  const answers = (await Promise.allSettled(all)).map((one) => (one.status === 'fulfilled' ? one.value.status : 'none'))
  const wrong = answers.filter((status) => status !== 200)
  return [
    exactly(
      `${count} connections reset: ${sent} honest requests got ${tally(outcomes)}; anything else`,
      tally(Object.fromEntries(illegal)),
      'none',
    ),
    exactly('some of them got an answer', (outcomes['200'] ?? 0) > sent / 2 ? 'most' : 'few', 'most'),
    exactly('in flight after a half, and after all', `${first.inFlight}, ${second.inFlight}`, '0, 0'),
    atMost('sockets of the worker that are left', Math.max(first.sockets, second.sockets) - before, 0, ''),
    atMost(
      `growth of the worker's memory from the half on, ${mib(first.bytes).toFixed(1)} MiB by then`,
      mib(second.bytes - first.bytes),
      size.mostGrowthMb,
      'MiB',
      1,
    ),
    exactly(`all ${UPSTREAM_CONNECTIONS} connections to the instance at once: other than 200`, wrong.join(' '), ''),
    await worker.soundness(),
  ]
}

const mib = (bytes: number): number => bytes / 2 ** 20

/** How many there are once idle connections to instances have had their time. */
async function quietSockets(sockets: () => number): Promise<number> {
  let least = sockets()
  let since = performance.now()
  await waitFor(
    () => {
      const now = sockets()
      if (now < least) [least, since] = [now, performance.now()]
      return performance.now() - since > 2 * KEEP_ALIVE_MS
    },
    { timeoutMs: 20_000, intervalMs: 100 },
  )
  return least
}
