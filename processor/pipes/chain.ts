// The pipes of one route in their order, and what is known of them before any exchange comes.
import type { Step } from './step.js'

export class Chain {
  /** Exchanges that are in it. */
  inUse = 0
  /** One has come since it was last asked about. */
  private used = false
  /** Some pipe sees answers, or failures. */
  readonly seesAnswers: boolean
  readonly hearsEnds: boolean
  /** Places of the pipes with a breaker. */
  readonly breakers: readonly number[]
  /** Told when its last exchange has left and no other can come. */
  private retired: (() => void) | undefined

  constructor(readonly steps: readonly Step[]) {
    this.seesAnswers = steps.some(({ pipe }) => pipe?.onResponse !== undefined)
    this.hearsEnds = steps.some(({ pipe }) => pipe?.onDone !== undefined)
    this.breakers = steps.flatMap(({ config }, index) => (config.breaker === undefined ? [] : [index]))
  }

  enter(): void {
    this.inUse++
    this.used = true
  }

  /** Whether an exchange has been in it since the last call. */
  wasUsed(): boolean {
    const { used } = this
    this.used = this.inUse > 0
    return used
  }

  left(): void {
    if (--this.inUse === 0) this.retired?.()
  }

  /** No exchange will come any more; `then` runs when the last one has left. */
  retire(then: () => void): void {
    if (this.inUse === 0) then()
    else this.retired = then
  }
}
