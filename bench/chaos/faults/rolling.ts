// A rollout: one after the other is told to end, finishes what it has, and comes back; the next follows when polls can have seen that.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.js'

const GONE_MS = 400
/** Above the polls' interval. */
const BETWEEN_MS = 1200

export const rolling: Fault = {
  title: 'all are restarted, one after the other',
  spares: 3,
  mostLost: 0,
  async run({ members }) {
    for (const member of members) {
      await member.leave()
      await sleep(GONE_MS)
      await member.restart()
      await sleep(BETWEEN_MS)
    }
  },
}
