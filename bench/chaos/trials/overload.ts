// More requests than the instances may have at once: those that are taken stay fast, the others are told at once.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Check, atMost, exactly, tally, timed } from '../../endurance/check.js'
import { createCluster } from '../cluster.js'
import { endsOf, quantile } from '../ledger.js'
import { type ChaosPart, fromChecks } from '../part.js'
import type { Sent } from '../parts/client.js'
import { monotonicMs } from '../parts/monotonic.js'
import type { Peer } from '../peers/peer.js'
import { serverpy } from '../peers/serverpy.js'
import { type Bench, withPeer } from './trial.js'

/** 20 at once, each of which takes 10 ms: 2000 a second. */
const SERVICE_MS = 10
const CONCURRENCY = { instance: 20, queue: 10, queue_time_ms: 5 }
const CALM = 200
const OFFERED = 5000
const MOST_REFUSAL_MS = 20
const MOST_GROWTH_MB = 64
const RECOVERED_MS = 1000

export const overload: ChaosPart = {
  title: 'More than can be done',
  async run(bench) {
    const cluster = await createCluster(bench.cleanup, { size: 1, serviceMs: SERVICE_MS })
    const variant = { workers: 1, service: { concurrency: CONCURRENCY } }
    const checks = await withPeer(bench, cluster, serverpy(variant), (peer) => press(bench, peer))
    return fromChecks(checks)
  },
}

async function press(bench: Bench, peer: Peer): Promise<Check[]> {
  const { warmMs, faultMs, recoveryMs } = bench.times
  const load = (perSecond: number, ms: number) => offer(bench, peer, perSecond, ms)
  await load(OFFERED / 5, warmMs)
  const calm = await load(CALM, warmMs)
  const before = peer.rssBytes()
  let most = before
  const watch = setInterval(() => (most = Math.max(most, peer.rssBytes())), 100)
  const pressed = await load(OFFERED, faultMs)
  clearInterval(watch)
  const endedAt = monotonicMs()
  const later = await load(CALM, Math.max(recoveryMs, 2 * RECOVERED_MS))

  const answered = latencies(pressed.filter(({ outcome }) => outcome === '200'))
  const refused = pressed.filter(({ outcome }) => outcome === '503')
  const others = pressed.filter(({ outcome }) => outcome !== '200' && outcome !== '503')
  const settled = later.filter(({ dueMs }) => dueMs >= endedAt + RECOVERED_MS)
  const calmMs = quantile(latencies(calm), 0.99)
  const bound = 2 * calmMs
  const seconds = faultMs / 1000
  const of = `${(answered.length / seconds).toFixed(0)}/s answered of ${(pressed.length / seconds).toFixed(0)}/s offered`
  return [
    timed(atMost(`${of}: p99 of the answered`, quantile(answered, 0.99), bound, 'ms', 1)),
    timed(atMost('p99 of the refusals', quantile(latencies(refused), 0.99), MOST_REFUSAL_MS, 'ms', 1)),
    exactly('refusals without Retry-After', refused.filter(({ retryAfter }) => !retryAfter).length, 0),
    exactly('other ends', tally(endsOf(others)), 'none'),
    atMost('growth of memory meanwhile', (most - before) / 2 ** 20, MOST_GROWTH_MB, 'MiB', 1),
    exactly('not answered, from a second after it', settled.filter(({ outcome }) => outcome !== '200').length, 0),
    timed(atMost('p99 from a second after it', quantile(latencies(settled), 0.99), bound, 'ms', 1)),
  ]
}

async function offer(bench: Bench, peer: Peer, perSecond: number, ms: number): Promise<readonly Sent[]> {
  const client = bench.client()
  await client.ask('start', { port: peer.port, perSecond, postEvery: 0 })
  await sleep(ms)
  return client.ask('stop')
}

function latencies(sent: readonly Sent[]): number[] {
  return sent.map(({ dueMs, endMs }) => endMs - dueMs)
}
