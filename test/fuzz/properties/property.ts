// What a property is: cases to try, and a check that throws where the product and the reference differ.
import type fc from 'fast-check'
import type { Cleanup } from '../../kit/process.js'
import type { Case } from '../cases.js'
import type { Ending } from '../reference/reading.js'

/** What the reference says of a case; counted, so that a property that tries nothing valid, or nothing else, is noticed. */
export type Verdict = 'valid' | 'open' | 'refused'

export function countedAs(ending: Ending): Verdict {
  return ending === 'open' || ending === 'refused' ? ending : 'valid'
}

export type Check<C extends Case> = (tried: C) => Verdict | Promise<Verdict>

export interface Property<C extends Case = Case> {
  readonly name: string
  /** Whether a case of the corpus can be put to it. */
  suits(tried: Case): boolean
  readonly cases: fc.Arbitrary<C>
  /** Runs from one seed: a second's worth or two. */
  readonly round: number
  /** Gets ready what the checks need, to be gone with `t`. */
  start(t: Cleanup): Check<C> | Promise<Check<C>>
}

/**
 * Starts a property, lets `use` put cases to it, and ends what was started. An error that nobody caught meanwhile is the
 * case's that was tried.
 */
export async function withCheck<C extends Case, T>(
  property: Property<C>,
  use: (check: (tried: C) => Promise<Verdict>) => Promise<T>,
): Promise<T> {
  const cleanups: (() => unknown)[] = []
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  try {
    const check = await property.start({ after: (run) => void cleanups.push(run) })
    return await use(async (tried) => {
      const verdict = await check(tried)
      if (uncaught.length > 0) throw uncaught.pop()
      return verdict
    })
  } finally {
    for (const run of cleanups.reverse()) await run()
    process.off('uncaughtException', note)
  }
}
