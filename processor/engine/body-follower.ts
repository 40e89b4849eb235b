// Follows one body as its bytes pass, whatever its framing, and knows its last byte.
import { ChunkScanner } from './chunked.js'

export type BodyKind = 'none' | 'length' | 'chunked' | 'until-close'

export class BodyFollower {
  /** The whole body has passed. One that ends with its connection never has. */
  done = true
  /** Bytes of content so far, without framing. */
  dataBytes = 0
  /** Index up to which the bytes of the last `follow` pass as they are. */
  passing = 0
  private left = 0
  private scanner: ChunkScanner | undefined

  /**
   * `length` counts for the kind of that name only; it is above 0. `hop`: trailer fields that end here, as a list in lower
   * case. `forbid`: trailer fields that have no place there are a fault.
   */
  begin(kind: BodyKind, length: number, hop: string, forbid: boolean): void {
    this.done = kind === 'none'
    this.dataBytes = 0
    this.left = kind === 'length' ? length : Infinity
    this.scanner = kind === 'chunked' ? new ChunkScanner(hop, forbid) : undefined
  }

  /** The index up to which `buf` from `pos` on is body, framing included; or a fault. */
  follow(buf: Uint8Array, pos: number, end: number): number {
    const { scanner } = this
    if (scanner !== undefined) {
      const after = scanner.scan(buf, pos, end)
      this.done = scanner.done
      this.dataBytes = scanner.dataBytes
      this.passing = scanner.passing
      return after
    }
    const take = Math.min(this.left, end - pos)
    this.left -= take
    this.dataBytes += take
    this.done = this.left === 0
    this.passing = pos + take
    return pos + take
  }

  /** What is to be sent behind the bytes that pass. */
  get tail(): string {
    return this.scanner?.tail ?? ''
  }
}
