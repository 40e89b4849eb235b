// A process that is stopped: the system still accepts its connections and takes their bytes, and nothing answers.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.js'
import { oneOf } from './members.js'

export const hang: Fault = {
  title: 'one hangs',
  mostLost: 0.005,
  async run(cluster, forMs) {
    const member = oneOf(cluster)
    member.stop()
    await sleep(forMs)
    member.goOn()
  },
}
