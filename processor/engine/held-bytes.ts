// Bytes of a client that cannot be used yet: half a head, or requests sent ahead of an answer.
import { CR, LF } from './bytes.js'
import * as fault from './fault.js'

export class HeldBytes {
  private bytes: Buffer | undefined
  /** Up to where half a head has been looked through; 0: what is held is no half head. */
  private looked = 0

  get empty(): boolean {
    return this.bytes === undefined
  }

  /** What was held with `more` behind it. */
  take(more: Buffer): Buffer {
    const held = this.bytes
    this.bytes = undefined
    if (held === undefined) return more
    return more.length === 0 ? held : Buffer.concat([held, more])
  }

  /** Keeps `chunk` from `pos` on. A copy where it is a part: the rest may be large and done with. */
  keep(chunk: Buffer, pos: number): void {
    this.bytes = pos === 0 ? chunk : Buffer.from(chunk.subarray(pos))
  }

  /** As `keep`, for the beginning of a head. */
  keepHead(chunk: Buffer, pos: number): void {
    this.looked = Math.max(1, chunk.length - pos)
    this.keep(chunk, pos)
  }

  /** A head was parsed: the next one begins anew. */
  headDone(): void {
    this.looked = 0
  }

  drop(): void {
    this.bytes = undefined
  }

  get withinHead(): boolean {
    return this.looked > 0
  }

  /**
   * Whether it is worth parsing a head again that was incomplete before: its end has come, or a line that the parser
   * will refuse. Each byte is looked at once, so that a client which drips its head costs no parse for each drop.
   */
  mayBeWhole(chunk: Buffer, pos: number): boolean {
    let lf = chunk.indexOf(LF, pos + Math.max(0, this.looked - 3))
    while (lf >= 0) {
      if (chunk[lf - 1] !== CR) return true
      if (lf - pos >= 3 && chunk[lf - 2] === LF) return true
      lf = chunk.indexOf(LF, lf + 1)
    }
    return false
  }
}

/** Which limit a head is over that has no end within `headBytes`. */
export function tooLong(chunk: Buffer, pos: number): number {
  return chunk.indexOf(LF, pos) >= 0 ? fault.HEAD_TOO_LARGE : fault.URI_TOO_LONG
}
