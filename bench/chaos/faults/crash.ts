// Processes that end at once, one or more of them, and come back later.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.js'

function crashOf(count: number, title: string, bound: { mostLost?: number } = {}): Fault {
  return {
    title,
    spares: count,
    ...bound,
    async run({ members }, forMs) {
      const hit = members.slice(0, count)
      for (const member of hit) member.crash()
      await sleep(forMs)
      await Promise.all(hit.map((member) => member.restart()))
    },
  }
}

export const crash = crashOf(1, 'one is killed', { mostLost: 0 })
export const twoDown = crashOf(2, 'two of three are killed', { mostLost: 0 })
export const allDown = crashOf(3, 'all are killed and come back')
