// An instance that comes and goes, faster than anybody polls.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.js'
import { oneOf } from './members.js'

const HALF_MS = 500

export const flapping: Fault = {
  title: 'one comes and goes every 500 ms',
  mostLost: 0,
  async run(cluster, forMs) {
    const member = oneOf(cluster)
    for (let passedMs = 0; passedMs < forMs; passedMs += 2 * HALF_MS) {
      await member.become({ mode: 'gone' })
      await sleep(HALF_MS)
      await member.become({ mode: 'well' })
      await sleep(HALF_MS)
    }
  },
}
