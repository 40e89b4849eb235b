// Draws one candidate, each with the same chance.
import { type Candidate, mayTake } from '../balancer.js'

/** Nearly always the first draw does; looking at all of them is for tiers of which much is barred. */
const DRAWS = 3

/** One that may take the request, and is not `other`. */
export function draw<C extends Candidate>(
  tier: readonly C[],
  tried: readonly C[],
  other: C | undefined,
  random: () => number,
): C | undefined {
  for (let i = 0; i < DRAWS; i++) {
    const candidate = tier[Math.floor(random() * tier.length)]
    if (candidate !== undefined && candidate !== other && mayTake(candidate, tried)) return candidate
  }
  // The nth of those that may replaces the one found before with a chance of one in n: all are equally likely.
  let found: C | undefined
  let seen = 0
  for (const candidate of tier) {
    if (candidate === other || !mayTake(candidate, tried)) continue
    seen++
    if (random() * seen < 1) found = candidate
  }
  return found
}
