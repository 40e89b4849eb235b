// Runs a property for a time, in rounds that can each be repeated by its seed, and says what it found.
import fc from 'fast-check'
import type { Case } from './cases.js'
import { formatCase } from './corpus-file.js'
import { type Property, type Verdict, withCheck } from './properties/property.js'
import { verdictOf } from './verdict.js'
import type { Watchdog } from './watchdog.js'

export interface Outcome {
  readonly runs: number
  readonly ms: number
  readonly counts: Record<Verdict, number>
  /** What failed, with the case in the form of the corpus; or why the run proves nothing. */
  readonly finding: string | undefined
}

export interface RunOptions {
  readonly seed: number
  /** At least one round is run. */
  readonly forMs: number
  readonly watchdog: Watchdog
}

/** How long a smaller case is looked for. Not fast-check's own limit, which would let go of a case that hangs. */
const MOST_SHRINKING_MS = 20_000

/** Fewer runs say little about shares. */
const ENOUGH_RUNS = 400
const LEAST_VALID = 0.35
const MOST_VALID = 0.75

export function runProperty<C extends Case>(property: Property<C>, options: RunOptions): Promise<Outcome> {
  const { seed, forMs, watchdog } = options
  return withCheck(property, async (check) => {
    const counts = { valid: 0, open: 0, refused: 0 }
    const startedAt = performance.now()
    let runs = 0
    let finding: string | undefined
    for (let round = seed | 0; finding === undefined; round++) {
      let failedAt = 0
      const tried = fc.asyncProperty(property.cases, async (c: C) => {
        if (failedAt > 0 && performance.now() - failedAt > MOST_SHRINKING_MS) return
        watchdog.watch(property.name, c)
        try {
          const verdict = await check(c)
          if (failedAt > 0) return
          counts[verdict]++
          runs++
        } catch (error) {
          failedAt ||= performance.now()
          throw error
        } finally {
          watchdog.rest()
        }
      })
      const details = await fc.check(tried, { seed: round, numRuns: property.round })
      if (details.counterexample !== null) {
        finding = describe(property.name, round, details.counterexample[0], details.errorInstance)
      }
      if (performance.now() - startedAt >= forMs) break
    }
    return { runs, ms: performance.now() - startedAt, counts, finding: finding ?? vacuous(runs, counts) }
  })
}

function describe(name: string, seed: number, tried: Case, error: unknown): string {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const again = `npm run fuzz -- --property ${name} --seed ${seed}`
  return `${why}\n\nAgain: ${again}\nFor the corpus:\n\n${formatCase('What it is about', verdictOf(tried), tried)}`
}

function vacuous(runs: number, { valid }: Record<Verdict, number>): string | undefined {
  const share = valid / runs
  if (runs < ENOUGH_RUNS || (share >= LEAST_VALID && share <= MOST_VALID)) return undefined
  return `${Math.round(share * 100)} % of what was tried is valid: the generators no longer try what they should`
}
