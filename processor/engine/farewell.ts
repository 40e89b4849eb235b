// The end of a client's connection: what was written goes out, what still arrives is thrown away, and both have a bound. Closing
// at once would make the kernel answer late bytes with a reset, and a reset destroys what the client has not read yet.
import type net from 'node:net'
import type { Deadline, Wheel } from './wheel.js'

/** How long, and for how many bytes, a connection is read on after its last answer. */
export const LINGER_MS = 1000
const LINGER_BYTES = 1024 * 1024

export class Farewell {
  private discarded = 0

  /** `deadline` is the connection's and calls `timeUp`; `halfClosed`: the client has ended its side already. */
  constructor(
    private readonly socket: net.Socket,
    private readonly wheel: Wheel,
    private readonly deadline: Deadline,
    idleMs: number,
    private halfClosed: boolean,
  ) {
    // After end() Node 20 cannot reset, and an answer that is cut off needs a reset: so the end waits for what is unsent.
    if (socket.writableLength > 0) wheel.set(deadline, idleMs)
    else this.end()
  }

  received(bytes: number): void {
    this.discarded += bytes
    if (this.discarded <= LINGER_BYTES) return
    if (this.socket.writableEnded) this.socket.destroy()
    else this.socket.pause()
  }

  /** All that was written has left. */
  sent(): void {
    if (!this.socket.writableEnded) this.end()
  }

  /** The client has ended its side. */
  finished(): void {
    this.halfClosed = true
    if (this.socket.writableEnded) this.socket.destroy()
  }

  timeUp(): void {
    // What was cut off must not look whole.
    if (this.socket.writableEnded) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  private end(): void {
    this.wheel.set(this.deadline, LINGER_MS)
    this.socket.end()
    if (this.halfClosed) this.socket.destroy()
  }
}
