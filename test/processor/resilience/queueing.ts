// A server with some parallel slots and a line before them, simulated: what a limit on requests in flight has to cope with.

/** A reproducible source of random numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Milliseconds, log-normal around their median: most are near it, a few far above. */
export function logNormal(medianMs: number, sigma: number, random: () => number): () => number {
  return () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return medianMs * Math.exp(sigma * normal)
  }
}

interface Limiter {
  readonly limit: number
  observe(latencyMs: number, inFlight: number, ok: boolean): void
}

export interface Load {
  readonly slots: number
  readonly requestsPerSecond: number
  readonly seconds: number
  readonly serviceMs: () => number
  /** Share of the answers that are errors. */
  readonly errors?: number
  readonly random: () => number
}

/** All of the second half: in the first one the limit finds its way. */
export interface Outcome {
  readonly served: number
  readonly refused: number
  readonly latenciesMs: readonly number[]
  /** On average over time. */
  readonly meanLimit: number
  readonly lowestLimit: number
  readonly highestLimit: number
}

/** Poisson arrivals; what the limit forbids is refused. */
export function simulate(limiter: Limiter, load: Load): Outcome {
  const { slots, requestsPerSecond, seconds, serviceMs, errors = 0, random } = load
  const endMs = seconds * 1000
  const free = new Array<number>(slots).fill(0)
  const running: { readonly at: number; readonly latencyMs: number }[] = []
  const latenciesMs: number[] = []
  let refused = 0
  let limitSum = 0
  let limitMs = 0
  let lowestLimit = Infinity
  let highestLimit = 0
  let now = 0
  let arrival = 0

  function pass(to: number): void {
    if (to > endMs / 2) {
      const ms = to - Math.max(now, endMs / 2)
      limitSum += limiter.limit * ms
      limitMs += ms
      lowestLimit = Math.min(lowestLimit, limiter.limit)
      highestLimit = Math.max(highestLimit, limiter.limit)
    }
    now = to
  }

  while (now < endMs) {
    const first = running[0]
    if (first !== undefined && first.at <= arrival) {
      pass(first.at)
      running.shift()
      if (now > endMs / 2) latenciesMs.push(first.latencyMs)
      limiter.observe(first.latencyMs, running.length + 1, random() >= errors)
      continue
    }
    pass(arrival)
    if (running.length >= limiter.limit) refused += now > endMs / 2 ? 1 : 0
    else {
      const slot = free.indexOf(Math.min(...free))
      const at = Math.max(now, free[slot] as number) + serviceMs()
      free[slot] = at
      let place = running.length
      while (place > 0 && (running[place - 1]?.at as number) > at) place--
      running.splice(place, 0, { at, latencyMs: at - now })
    }
    arrival += (-Math.log(1 - random()) * 1000) / requestsPerSecond
  }
  return { served: latenciesMs.length, refused, latenciesMs, meanLimit: limitSum / limitMs, lowestLimit, highestLimit }
}
