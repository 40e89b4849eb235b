// How long after an instance's death requests still go to it, and how long until the registry and /stats say so.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Check, atMost, timed } from '../../endurance/check.js'
import type { Cluster } from '../cluster.js'
import type { Fault } from '../faults/fault.js'
import { FAULTS } from '../faults/index.js'
import { oneOf } from '../faults/members.js'
import { ask, metric } from '../ours.js'
import { type ChaosPart, fromChecks } from '../part.js'
import { monotonicMs } from '../parts/monotonic.js'
import { type Peer } from '../peers/peer.js'
import { serverpy, SERVICE } from '../peers/serverpy.js'
import { type Bench, POST_EVERY, withPeer } from './trial.js'

const RATE = 1000
/** Whether the instance itself has noted what was tried at it; else the gateway's count of failed tries has to do, which is sampled. */
const KILLS = { crash: false, reset: true, close: false }
const SAME_WORKER_MS = 50
const EVERYWHERE_MS = 250

interface Death {
  readonly lastTryMs: number
  readonly eventMs: number
  readonly statsMs: number
}

export const death: ChaosPart = {
  title: 'From the death of an instance to the last request that is tried there',
  async run(bench, cluster) {
    const checks: Check[] = []
    // What watches is slow the first time.
    await die(bench, cluster, FAULTS.crash as Fault, false, 1)
    for (const workers of [1, 2]) {
      for (const [name, noted] of Object.entries(KILLS)) {
        const { lastTryMs, eventMs, statsMs } = await die(bench, cluster, FAULTS[name] as Fault, noted, workers)
        const at = `${(FAULTS[name] as Fault).title}, ${workers} worker${workers === 1 ? '' : 's'}`
        const most = workers === 1 ? SAME_WORKER_MS : EVERYWHERE_MS
        checks.push(
          timed(atMost(`${at}: last failed try`, lastTryMs, most, 'ms')),
          timed(atMost(`${at}: the registry calls it down`, eventMs, EVERYWHERE_MS, 'ms')),
          timed(atMost(`${at}: /stats shows it`, statsMs, EVERYWHERE_MS, 'ms')),
        )
      }
    }
    return fromChecks(checks)
  },
}

function die(bench: Bench, cluster: Cluster, fault: Fault, noted: boolean, workers: number): Promise<Death> {
  return withPeer(
    bench,
    cluster,
    serverpy({ workers }),
    async (peer) => {
      const client = bench.client()
      await client.ask('start', { port: peer.port, perSecond: RATE, postEvery: POST_EVERY })
      try {
        await sleep(bench.times.warmMs)
        const member = oneOf(cluster)
        const instance = `${SERVICE}/127.0.0.1:${member.port}`
        const before = await failures(peer, instance)
        const wallMs = Date.now() - monotonicMs()
        const broken = fault.run(cluster, bench.times.faultMs)
        let over = false
        const ended = broken.finally(() => (over = true))
        const [lastFailureAt, shownAt] = await Promise.all([
          lastFailure(peer, instance, before, () => over),
          shown(peer, instance, () => over),
          ended,
        ])
        const { brokenAtMs: brokenAt = Number.NaN, repairedAtMs: repairedAt = Number.NaN } = member
        const tries = member.deliveries().filter(({ atMs }) => atMs > brokenAt && atMs < repairedAt)
        const lastTryAt = noted ? Math.max(...tries.map(({ atMs }) => atMs)) : lastFailureAt
        const eventAt = (await downAt(peer, instance)) - wallMs
        return {
          lastTryMs: Math.max(0, lastTryAt - brokenAt),
          eventMs: eventAt - brokenAt,
          statsMs: shownAt - brokenAt,
        }
      } finally {
        await client.ask('stop')
      }
    },
    fault.spares,
  )
}

/** When the count of tries that failed at the instance was seen to grow for the last time, from `count` on; NaN: never. */
async function lastFailure(peer: Peer, instance: string, count: number, over: () => boolean): Promise<number> {
  let at = Number.NaN
  while (!over()) {
    const now = await failures(peer, instance)
    if (now > count) at = monotonicMs()
    count = now
    await sleep(2)
  }
  return at
}

function failures(peer: Peer, instance: string): Promise<number> {
  const sets = [
    { instance, result: 'failure' },
    { instance, result: 'timeout' },
  ]
  return metric(peer, 'serverpy_instance_attempts_total', ...sets)
}

async function shown(peer: Peer, instance: string, over: () => boolean): Promise<number> {
  interface Stats {
    readonly service_statistics: readonly { readonly id: string; readonly health: string }[]
  }
  while (!over()) {
    const { service_statistics: all } = await ask<Stats>(peer, '/stats?packets=1')
    if (all.find(({ id }) => id === instance)?.health === 'down') return monotonicMs()
    await sleep(10)
  }
  return Infinity
}

/** In wall time. */
async function downAt(peer: Peer, instance: string): Promise<number> {
  interface Events {
    readonly items: readonly { readonly at: string; readonly to: string }[]
  }
  const { items } = await ask<Events>(peer, `/api/v1/events?instance=${encodeURIComponent(instance)}&limit=100`)
  // Newest first.
  const downs = items.filter(({ to }) => to === 'down')
  return Date.parse(downs.at(-1)?.at ?? '') || Infinity
}
