// What a strategy of balancing is: given a request, one of the endpoints of a tier.
import type { Instance } from '../../shared/registry/instance.js'

/** What a strategy may know of a request. */
export interface Chooser {
  readonly path: string
  /** The client's address. */
  readonly address: string
  header(name: string): string | undefined
  query(name: string): string | undefined
}

/** What a strategy may know of an endpoint, and the little that it keeps there. */
export interface Candidate {
  readonly id: string
  /** As the newest snapshot has it. */
  readonly instance: Instance
  /** It takes no request now: ejected, on trial, or full. */
  readonly barred: boolean
  readonly inFlight: number
  /** Milliseconds to the head of an answer, as a peak average that falls with time; 0 before the first one, never after it. */
  readonly latencyMs: number
  /** The instance's weight; less of it during a slow start. */
  readonly weight: number
  /** Smooth weighted round-robin's running value. */
  credit: number
}

/** Live: it reads the candidates' state at each pick, and is made anew when the snapshot changes one of them. */
export interface Balancer<C extends Candidate> {
  /** One that is neither barred nor in `tried`; undefined when there is none. */
  pick(request: Chooser, tried: readonly C[]): C | undefined
}

export interface BalancerDeps {
  /** From 0 up to 1. */
  readonly random?: () => number
  /** Weights never differ from the instances' own: no slow start is configured. What needs no arithmetic then does none. */
  readonly steady?: boolean
}

export function mayTake<C extends Candidate>(candidate: C, tried: readonly C[]): boolean {
  return !candidate.barred && (tried.length === 0 || !tried.includes(candidate))
}

/** Their weights are equal now and stay so while the balancer lives. */
export function weighAlike(tier: readonly Candidate[], { steady = false }: BalancerDeps): boolean {
  return steady && tier.every((candidate) => candidate.instance.weight === tier[0]?.instance.weight)
}
