// State that the workers of one machine share: kept by their supervisor, asked for by message.

/** What is decided about one request. */
export interface Verdict {
  readonly allowed: boolean
  /** Requests that could follow at once. */
  readonly left: number
  /** Until the next request may pass, in milliseconds; 0 where one may at once. */
  readonly retryMs: number
  /** Until the limit is as if nobody had asked, in milliseconds. */
  readonly resetMs: number
}

export interface RateRule {
  /** Requests per `periodMs`. */
  readonly rate: number
  readonly periodMs: number
  /** Requests that may come at once. */
  readonly burst: number
}

export interface MachineState {
  /**
   * Takes one request of `key` by the generic cell rate algorithm: exactly over all workers of the machine, or of this
   * worker alone. Rejects never: while nobody can be asked the worker decides by itself. `name` tells limits apart; what a
   * limit knows outlives the pipe that asks, as long as its rule stays.
   */
  take(name: string, key: string, rule: RateRule, scope?: 'machine' | 'worker'): Verdict | Promise<Verdict>
}

/** What one turn of a worker's loop asks of its supervisor. */
export interface Ask {
  /** Counts up; the answer has it, too. */
  readonly turn: number
  readonly limits: readonly { readonly name: string; readonly rule: RateRule; readonly keys: readonly string[] }[]
}

/** The supervisor's answer: a verdict for each key, in the order in which they were asked. */
export interface Decided {
  readonly turn: number
  readonly verdicts: readonly Verdict[]
}
