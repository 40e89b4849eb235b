// Bytes of a client that cannot be used yet: half a head, or requests sent ahead of an answer. Always a copy: what a wire
// reads is valid for one call.
import { CR, LF } from './bytes.js'
import * as fault from './fault.js'

const NOTHING = Buffer.alloc(0)
const LEAST_BYTES = 256

export class HeldBytes {
  /** Its first `length` bytes are what is held, and after `join` what is being used. */
  bytes: Buffer = NOTHING
  length = 0
  /** Up to where half a head has been looked through; 0: what is held is no half head. */
  private looked = 0

  get empty(): boolean {
    return this.length === 0
  }

  /** Adds what has been read and gives all of it out, in `bytes`, to be used: the length of it. */
  join(more: Buffer, count: number): number {
    this.append(more, 0, count)
    const { length } = this
    this.length = 0
    return length
  }

  /** Keeps `buf` from `pos` to `end`, which may lie in `bytes` itself. */
  keep(buf: Buffer, pos: number, end: number): void {
    if (buf !== this.bytes) return this.append(buf, pos, end)
    // What lies before may be on its way out still: nothing is moved over it.
    if (pos > 0) this.bytes = Buffer.from(buf.subarray(pos, end))
    this.length = end - pos
  }

  /** As `keep`, for the beginning of a head. */
  keepHead(buf: Buffer, pos: number, end: number): void {
    this.looked = Math.max(1, end - pos)
    this.keep(buf, pos, end)
  }

  /** A head was parsed: the next one begins anew. */
  headDone(): void {
    this.looked = 0
  }

  drop(): void {
    this.bytes = NOTHING
    this.length = 0
  }

  get withinHead(): boolean {
    return this.looked > 0
  }

  /**
   * Whether it is worth parsing a head again that was incomplete before: its end has come, or a line that the parser
   * will refuse. Each byte is looked at once, so that a client which drips its head costs no parse for each drop.
   */
  mayBeWhole(buf: Buffer, pos: number, end: number): boolean {
    for (let lf = after(buf, pos + Math.max(0, this.looked - 3), end); lf >= 0; lf = after(buf, lf + 1, end)) {
      if (buf[lf - 1] !== CR) return true
      if (lf - pos >= 3 && buf[lf - 2] === LF) return true
    }
    return false
  }

  /** Room grows by doubling: a head that arrives byte by byte is not copied for each. */
  private append(buf: Buffer, pos: number, end: number): void {
    const needed = this.length + end - pos
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, needed, this.length * 2))
      this.bytes.copy(larger, 0, 0, this.length)
      this.bytes = larger
    }
    buf.copy(this.bytes, this.length, pos, end)
    this.length = needed
  }
}

function after(buf: Buffer, pos: number, end: number): number {
  const lf = buf.indexOf(LF, pos)
  return lf < end ? lf : -1
}

/** Which limit a head is over that has no end within `headBytes`. */
export function tooLong(buf: Buffer, pos: number, end: number): number {
  return after(buf, pos, end) >= 0 ? fault.HEAD_TOO_LARGE : fault.URI_TOO_LONG
}
