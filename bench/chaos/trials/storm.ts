// Everything fails at once: how many tries a hundred requests become.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Check, atMost, tally } from '../../endurance/check.js'
import type { Cluster } from '../cluster.js'
import { endsOf } from '../ledger.js'
import { metric } from '../ours.js'
import { type ChaosPart, fromChecks } from '../part.js'
import type { Mode } from '../parts/instance.js'
import { serverpy } from '../peers/serverpy.js'
import { TERMS } from '../peers/terms.js'
import { type Bench, withPeer } from './trial.js'

const REQUESTS = 100
const BUDGET = { share: 0.2, floor: 10 }
/** All at once. */
const AT_ONCE = 1e9
/** By then all of them have been sent. */
const SOON_MS = 500

interface Storm {
  readonly mode: Mode
  /** As many connections to the instances wait for requests before it begins. */
  readonly kept: boolean
  /** Whether ejections help the budget. */
  readonly outlier: boolean
}

const STORMS: Readonly<Record<string, Storm>> = {
  'all refuse': { mode: 'gone', kept: false, outlier: true },
  'all refuse, without ejections': { mode: 'gone', kept: false, outlier: false },
  'all accept and close': { mode: 'close', kept: false, outlier: true },
  'all reset': { mode: 'reset', kept: false, outlier: true },
  'all reset, without ejections': { mode: 'reset', kept: false, outlier: false },
  'all reset, on connections that were kept': { mode: 'reset', kept: true, outlier: true },
  'all answer 503': { mode: 'status 503', kept: false, outlier: true },
  'all answer 503, on connections that were kept': { mode: 'status 503', kept: true, outlier: true },
}

export const storm: ChaosPart = {
  title: 'A storm of retries',
  async run(bench, cluster) {
    const checks: Check[] = []
    for (const [name, kind] of Object.entries(STORMS)) {
      const { tries, most, outcomes } = await burst(bench, cluster, kind)
      checks.push(atMost(`${name}: tries for ${REQUESTS} GETs (${outcomes})`, tries, most, ''))
    }
    return fromChecks(checks)
  },
}

function burst(bench: Bench, cluster: Cluster, { mode, kept, outlier }: Storm) {
  // One worker: each has a budget of its own.
  const service = { retry: { attempts: TERMS.attempts, on: ['connect', 'reset', '503'], budget: BUDGET }, outlier }
  return withPeer(bench, cluster, serverpy({ workers: 1, service }), async (peer) => {
    const client = bench.client()
    const atOnce = async () => {
      await client.ask('start', { port: peer.port, perSecond: AT_ONCE, postEvery: 0, count: REQUESTS })
      await sleep(SOON_MS)
      return client.ask('stop')
    }
    if (kept) await atOnce()
    const before = await metric(peer, 'proxy_attempt_total')
    // The requests that showed that all is well are of late, and count.
    const requests = REQUESTS + (await metric(peer, 'proxy_request_total'))
    // The polls must not take part in it where they can be left out.
    const polls = mode === 'gone' || mode === 'close' ? {} : ({ polls: 'fine' } as const)
    await Promise.all(cluster.members.map((member) => member.become({ mode, ...polls })))
    const sent = await atOnce()
    return {
      tries: (await metric(peer, 'proxy_attempt_total')) - before,
      most: Math.ceil(REQUESTS + BUDGET.share * requests + BUDGET.floor),
      outcomes: tally(endsOf(sent)),
    }
  })
}
