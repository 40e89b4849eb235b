// Keeps a request's body while it may have to be sent again.
import { SHARED_BYTES } from '../engine/wire/wire.js'

export class Replay {
  /** Everything that the request consists of so far can be sent once more. */
  possible = true
  pieces: Buffer[] = []
  private bytes = 0

  /**
   * `repeatable`: the request may be sent again even after an instance has had it. `mostBytes`: a body up to this size is
   * kept until its attempt has succeeded.
   */
  constructor(
    private readonly repeatable: boolean,
    private readonly mostBytes: number,
  ) {}

  /** `connected`: the present attempt has a connection, so that what is sent may have arrived. */
  keep(buf: Buffer, start: number, end: number, connected: boolean): void {
    if (!this.possible) return
    const size = end - start
    const inTime = !connected
    if (!this.repeatable && !inTime) return this.drop()
    if (this.bytes + size > this.mostBytes && !inTime) return this.drop()
    // While it connects nothing more is read than one piece, which may stay where it lies if that outlasts the read.
    const stays = size > SHARED_BYTES && this.bytes + size > this.mostBytes
    this.pieces.push(stays ? buf.subarray(start, end) : Buffer.from(buf.subarray(start, end)))
    this.bytes += size
  }

  /** The attempt has a connection: what was kept beyond the rule for the time until then goes. */
  connected(): void {
    if (this.bytes > this.mostBytes || (this.bytes > 0 && !this.repeatable)) this.drop()
  }

  /** It cannot be sent again. */
  drop(): void {
    this.possible = false
    this.pieces = []
  }
}
