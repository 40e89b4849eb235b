// Faults in which instances run and answer wrongly, or not at all.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Member } from '../cluster.js'
import type { Condition } from '../parts/instance.js'
import type { Fault } from './fault.js'
import { oneOf } from './members.js'

type Details = Omit<Fault, 'run'>

function conduct(hit: (cluster: Cluster) => readonly Member[], condition: Condition, details: Details): Fault {
  const all = (members: readonly Member[], wanted: Condition) =>
    Promise.all(members.map((member) => member.become(wanted)))
  return {
    ...details,
    async run(cluster, forMs) {
      const members = hit(cluster)
      await all(members, condition)
      await sleep(forMs)
      await all(members, { mode: 'well' })
    },
  }
}

const one = (condition: Condition, details: Details) => conduct((cluster) => [oneOf(cluster)], condition, details)
const each = (condition: Condition, details: Details) => conduct(({ members }) => members, condition, details)

/** What was given up only because its time was over. */
const DEADLINE_SHARE = 0.005

export const reset = one({ mode: 'reset' }, { title: 'one reads requests and resets', mostLost: 0 })
export const close = one({ mode: 'close' }, { title: 'one accepts and closes', mostLost: 0 })
export const truncated = one({ mode: 'truncated' }, { title: 'one ends answers halfway' })
export const drip = one({ mode: 'drip' }, { title: 'one drips its answers' })
export const answers500 = one({ mode: 'status 500' }, { title: 'one answers 500' })
export const answers503 = one({ mode: 'status 503' }, { title: 'one answers 503' })
export const latency = one({ mode: 'slow' }, { title: 'one is 50 times slower', mostLost: DEADLINE_SHARE })
export const pollsFailing = each(
  { mode: 'well', polls: 'failing' },
  { title: 'polls of all fail, traffic is fine', mostLost: 0 },
)
export const trafficFailing = one(
  { mode: 'status 500', polls: 'fine' },
  { title: 'traffic of one fails, polls are fine' },
)
