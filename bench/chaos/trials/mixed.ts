// Faults of every kind, one after the other, for minutes: what the gateway has to be after all of it is what it was before.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Check, atMost, exactly, tally } from '../../endurance/check.js'
import { createRandom, oneOf } from '../../endurance/parts/random.js'
import { median } from '../../proxy/statistics.js'
import type { Cluster } from '../cluster.js'
import { FAULTS } from '../faults/index.js'
import type { Fault } from '../faults/fault.js'
import { tallyOf } from '../ledger.js'
import { ask, firstError, metric } from '../ours.js'
import { type ChaosPart, type Choice, fromChecks } from '../part.js'
import { monotonicMs } from '../parts/monotonic.js'
import type { Peer } from '../peers/peer.js'
import { serverpy, SERVICE } from '../peers/serverpy.js'
import { type Bench, POST_EVERY, withPeer } from './trial.js'

const RATE = 300
const SHORTEST_MS = 500
const LONGEST_MS = 4000
const PAUSE_MS = 1000
const SAMPLE_MS = 250
/** Of the time that the memory's first and last medians are taken over; before them it warms up for as long. */
const SHARE = 0.2
const MOST_GROWTH = 0.1
const SEED = 4

export const mixed: ChaosPart = {
  title: 'Faults of every kind',
  async run(bench, cluster, choice) {
    return fromChecks(await withPeer(bench, cluster, serverpy(), (peer) => go(bench, cluster, peer, choice)))
  },
}

interface Life {
  readonly requests: {
    readonly this_life: { readonly served: number; readonly recorded: number; readonly shed: number }
  }
}

async function go(bench: Bench, cluster: Cluster, peer: Peer, { minutes, faults }: Choice): Promise<Check[]> {
  const random = createRandom(SEED)
  const client = bench.client()
  const counted = await counts(peer)
  const samples: number[] = []
  const watch = setInterval(() => samples.push(peer.rssBytes()), SAMPLE_MS)
  const fromMs = monotonicMs()
  const untilMs = fromMs + minutes * 60_000
  const times: Record<string, number> = {}
  try {
    await client.ask('start', { port: peer.port, perSecond: RATE, postEvery: POST_EVERY })
    while (monotonicMs() < untilMs) {
      const name = oneOf(random, faults)
      times[name] = (times[name] ?? 0) + 1
      await (FAULTS[name] as Fault).run(cluster, SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS))
      await sleep(PAUSE_MS)
    }
  } finally {
    clearInterval(watch)
  }
  const sent = await client.ask('stop')
  const seen = tallyOf(sent, cluster.members, { fromMs, toMs: monotonicMs() })
  const after = await counts(peer)
  const { served, recorded, shed } = (await ask<Life>(peer, '/stats?packets=1')).requests.this_life
  const part = Math.floor(samples.length * SHARE)
  const [first, last] = [median(samples.slice(part, 2 * part)), median(samples.slice(-part))]
  const percent = (100 * (last - first)) / first
  bench.say(`faults: ${tally(times)}; GETs lost: ${tally(seen.lostBy)}; POSTs failed: ${tally(seen.failedBy)}`)
  return [
    atMost(
      `${minutes} minutes, ${sent.length} requests: change of memory`,
      Math.abs(percent),
      100 * MOST_GROWTH,
      '%',
      1,
    ),
    exactly('errors in its log', firstError(peer), 'none'),
    exactly('recorded and shed', recorded + shed, served),
    exactly('requests counted in all', after.all - counted.all, sent.length),
    exactly(`requests counted for the service`, after.service - counted.service, sent.length),
    exactly('POSTs that arrived twice', seen.twice, 0),
    exactly('wrong messages', seen.wrong, 0),
  ]
}

async function counts(peer: Peer) {
  return {
    all: await metric(peer, 'proxy_request_total'),
    service: await metric(peer, 'serverpy_requests_total', { service: SERVICE }),
  }
}
