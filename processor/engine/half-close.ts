// A client that has ended its side: it may still wait for its answer, or it may be gone, and TCP does not say which
// (docs/decisions/0008). Whatever is written finds out, because the system of a client that is gone answers with a reset.
import { Deadline, type Wheel } from './wheel.js'
import type { Wire } from './wire/wire.js'

/** How long a client is taken for one that waits before it is asked. */
const PATIENCE_MS = 500
/** How long the question may be under way, and how long its answer then holds. */
const QUESTION_MS = 50
const ANSWERED_MS = 5000
/** How long an answer that is on its way may stand still. */
const STILL_MS = 2000

const enum State {
  Resting,
  /** No answer is on its way yet. */
  Waiting,
  Asked,
  /** An answer is on its way. */
  Answering,
}

export class HalfClose {
  private state = State.Resting
  private mayAsk = false
  private readonly deadline: Deadline

  /** `onGone`: nobody is there, or nobody can be told from one who is not. */
  constructor(
    private readonly wire: Wire,
    private readonly wheel: Wheel,
    private readonly onGone: () => void,
  ) {
    this.deadline = new Deadline(() => this.onDeadline())
  }

  /** An answer is awaited. `mayAsk`: the client speaks HTTP/1.1, which knows interim answers. */
  waits(mayAsk: boolean): void {
    this.mayAsk = mayAsk
    this.state = State.Waiting
    this.wheel.set(this.deadline, PATIENCE_MS)
  }

  /** Some of the answer has been written. */
  answering(): void {
    this.state = State.Answering
    this.wheel.set(this.deadline, STILL_MS)
  }

  rest(): void {
    this.state = State.Resting
    this.wheel.clear(this.deadline)
  }

  private onDeadline(): void {
    if (this.state === State.Asked) {
      this.state = State.Waiting
      this.wheel.set(this.deadline, ANSWERED_MS)
      // By now the system would have heard of a reset, and tells with the next write.
      this.wire.write('HTTP/1.1 100 Continue\r\n\r\n')
    } else if (this.state === State.Waiting && this.mayAsk) {
      this.state = State.Asked
      this.wheel.set(this.deadline, QUESTION_MS)
      // A client discards a 100 that it did not ask for (RFC 9110 section 15.2.1).
      this.wire.write('HTTP/1.1 100 Continue\r\n\r\n')
    } else this.onGone()
  }
}
