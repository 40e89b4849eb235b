// Follows one body as its bytes pass, whatever its framing, and knows its last byte.
import { ChunkScanner } from './chunked.js'

export type BodyKind = 'none' | 'length' | 'chunked' | 'until-close'

export class BodyFollower {
  /** The whole body has passed. One that ends with its connection never has. */
  done = true
  private left = 0
  private scanner: ChunkScanner | undefined

  /** `length` counts for the kind of that name only; it is above 0. */
  begin(kind: BodyKind, length: number): void {
    this.done = kind === 'none'
    this.left = kind === 'length' ? length : Infinity
    this.scanner = kind === 'chunked' ? new ChunkScanner() : undefined
  }

  /** The index up to which `buf` from `pos` on is body, framing included; or a fault. */
  follow(buf: Uint8Array, pos: number, end: number): number {
    if (this.scanner !== undefined) {
      const after = this.scanner.scan(buf, pos, end)
      this.done = this.scanner.done
      return after
    }
    const take = Math.min(this.left, end - pos)
    this.left -= take
    this.done = this.left === 0
    return pos + take
  }
}
