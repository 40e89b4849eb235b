// What one pipe has counted since it was asked last: its failures, and what it counts itself.
import { COUNT_NAME, EVERY_PIPE } from '../../shared/metrics/pipe-sums.js'
import type { Step } from './step.js'

type Counts = (readonly [name: string, n: number])[]

/** Names of its own; of counts, over its whole life. */
const MOST_NAMES = 30
const RESERVED: ReadonlySet<string> = new Set(EVERY_PIPE)

export class Meter {
  /** How much of each count has been taken. */
  private readonly taken = new Map<string, number>()
  /** The hook that is running, or that never came back: such a one was ended from outside, and is not asked again. */
  private readonly asked = new Set<'metrics' | 'gauges'>()

  constructor(private readonly step: Step) {}

  /** What has grown since the last call, and by how much. */
  take(): Counts {
    const { taken, step } = this
    const grown: Counts = []
    const note = (name: string, now: number): void => {
      const before = taken.get(name) ?? 0
      // What falls is no count: it is heard of again when it is higher than ever.
      if (now <= before) return
      taken.set(name, now)
      grown.push([name, now - before])
    }
    for (const [name, now] of this.read('metrics')) {
      if (RESERVED.has(name) || (!taken.has(name) && taken.size >= MOST_NAMES)) continue
      note(name, now)
    }
    for (const name of EVERY_PIPE) note(name, step[name])
    return grown
  }

  /** How it stands now. */
  values(): Counts {
    return this.read('gauges').slice(0, MOST_NAMES)
  }

  /** Whatever a user's pipe gives: what cannot be shown is left out. */
  private read(hook: 'metrics' | 'gauges'): Counts {
    const { asked } = this
    if (asked.has(hook)) return []
    asked.add(hook)
    const counts = this.ask(hook)
    asked.delete(hook)
    return counts
  }

  private ask(hook: 'metrics' | 'gauges'): Counts {
    try {
      const given: unknown = this.step.pipe?.[hook]?.()
      if (typeof given !== 'object' || given === null) return []
      return Object.entries(given).filter(
        (entry): entry is [string, number] => COUNT_NAME.test(entry[0]) && isCount(entry[1]),
      )
    } catch (error) {
      this.step.tell(hook, error)
      return []
    }
  }
}

function isCount(n: unknown): boolean {
  return typeof n === 'number' && Math.abs(n) <= Number.MAX_SAFE_INTEGER
}
