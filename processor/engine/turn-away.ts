// A connection that is not taken: it gets its answer at once, whatever it sends, and ends.
import { Farewell } from './farewell.js'
import { Deadline, type Wheel } from './wheel.js'
import type { Wire, WireOwner } from './wire/wire.js'

/** How long the answer may take to leave. */
const ANSWER_MS = 1000

/** `answer` is whole and in Latin-1. */
export function turnAway(wire: Wire, answer: string, wheel: Wheel): void {
  wire.write(answer)
  new TurnedAway(wire, wheel)
}

class TurnedAway implements WireOwner {
  private readonly deadline: Deadline
  private readonly farewell: Farewell

  constructor(
    wire: Wire,
    private readonly wheel: Wheel,
  ) {
    wire.owner = this
    this.deadline = new Deadline(() => this.farewell.timeUp())
    this.farewell = new Farewell(wire, wheel, this.deadline, ANSWER_MS, false, () => this.wireClosed())
    wire.resume()
  }

  wireRead(_buf: Buffer, bytes: number): void {
    this.farewell.received(bytes)
  }

  wireEnded(): void {
    this.farewell.finished()
  }

  wireDrained(): void {
    this.farewell.sent()
  }

  wireClosed(): void {
    this.wheel.clear(this.deadline)
  }
}
