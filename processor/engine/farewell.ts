// The end of a client's connection: what was written goes out, what still arrives is thrown away, and both have a bound. Closing
// at once would make the kernel answer late bytes with a reset, and a reset destroys what the client has not read yet.
import type { Deadline, Wheel } from './wheel.js'
import type { Wire } from './wire/wire.js'

/** How long, and for how many bytes, a connection is read on after its last answer. */
export const LINGER_MS = 1000
const LINGER_BYTES = 1024 * 1024

export class Farewell {
  private discarded = 0

  /**
   * `deadline` is the connection's and calls `timeUp`; `alone`: nothing more will come, since the client has ended its
   * side or has said that this was its last request. `over` is called when the wire is closed.
   */
  constructor(
    private readonly wire: Wire,
    private readonly wheel: Wheel,
    private readonly deadline: Deadline,
    idleMs: number,
    private alone: boolean,
    private readonly over: () => void,
  ) {
    // A connection that has ended its side cannot be reset, and an answer that is cut off needs that: unsent bytes first.
    if (wire.backlog > 0) wheel.set(deadline, idleMs)
    else this.end()
  }

  received(bytes: number): void {
    this.discarded += bytes
    if (this.discarded <= LINGER_BYTES) return
    if (this.wire.ended) this.close()
    else this.wire.pause()
  }

  /** All that was written has left. */
  sent(): void {
    if (!this.wire.ended) this.end()
  }

  /** The client has ended its side. */
  finished(): void {
    this.alone = true
    if (this.wire.ended) this.close()
  }

  timeUp(): void {
    if (this.wire.ended) return this.close()
    // What was cut off must not look whole.
    this.wire.reset()
    this.over()
  }

  private end(): void {
    if (this.alone) return this.close()
    this.wheel.set(this.deadline, LINGER_MS)
    this.wire.end()
  }

  private close(): void {
    this.wire.destroy()
    this.over()
  }
}
