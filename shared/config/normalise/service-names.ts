// Who names which service: a name that leads nowhere is told, and a service that nobody names needs APIs of its own.
import type { Path } from '../document.js'
import { MOST_SHOWN, quoted, type Fault, type Report } from '../problem.js'
import { suggest } from '../suggest.js'

export interface ServiceNames {
  /** What is wrong with the name; undefined where there is such a service, which counts as used then. */
  named(service: string): Fault | undefined
  /** Whether there is such a service; if not, that is a fault at `path`. */
  use(service: string, path: Path): boolean
  /** Some may be named by what is not in the file. */
  useUnseen(): void
  isUsed(service: string): boolean
}

export function createServiceNames(names: readonly string[], report: Pick<Report, 'fault'>): ServiceNames {
  const known = new Set(names)
  const used = new Set<string>()
  let unseen = false
  let guesses = 0
  function named(service: string): Fault | undefined {
    if (known.has(service)) {
      used.add(service)
      return undefined
    }
    // Each guess looks at every name: more of them than are shown would cost much for nothing.
    const hint = guesses++ < MOST_SHOWN ? suggest(service, names) : undefined
    return { message: `there is no service ${quoted(service)}`, ...(hint !== undefined && { hint }) }
  }
  return {
    named,
    use(service, path) {
      const fault = named(service)
      if (fault) report.fault(path, fault)
      return !fault
    },
    useUnseen: () => void (unseen = true),
    isUsed: (service) => unseen || used.has(service),
  }
}
