// Passes the body of a client on to the one part that gets it, as it comes: nothing of it is held but what comes too early.
import type { BodyFeed, BodySource } from '../../call.js'
import { ChunkScanner } from '../../engine/chunked.js'
import type { Exchange } from '../../exchange.js'

export class Upload implements BodySource {
  readonly length: number | undefined
  /** Trailers end here: what no pipe has seen could pass for what a pipe says (RFC 9110 section 6.5.1). */
  private readonly scanner: ChunkScanner | undefined
  private readonly early: Buffer[] = []
  private feed: BodyFeed | undefined
  private whole = false
  private ended = false

  constructor(private readonly exchange: Exchange) {
    const length = exchange.header('content-length')
    this.length = length === undefined || exchange.body === 'chunked' ? undefined : Number(length)
    this.scanner = exchange.body === 'chunked' ? new ChunkScanner('*') : undefined
  }

  get reading(): boolean {
    return this.exchange.client.reading
  }

  // ---- what the client sends

  take(buf: Buffer, start: number, end: number): void {
    if (this.ended) return
    if (this.scanner === undefined) this.pass(buf, start, end)
    else this.scanner.scan(buf, start, end, (from, to) => this.pass(buf, from, to))
  }

  private pass(buf: Buffer, start: number, end: number): void {
    if (this.feed !== undefined) return this.feed.piece(buf, start, end)
    this.early.push(Buffer.from(buf.subarray(start, end)))
    this.exchange.client.pause()
  }

  flush(): void {
    this.feed?.flush()
  }

  end(): void {
    this.whole = true
    this.feed?.end()
  }

  // ---- what the call says

  open(feed: BodyFeed): void {
    this.feed = feed
    for (const piece of this.early.splice(0)) feed.piece(piece, 0, piece.length)
    if (this.whole) return feed.end()
    if (!this.reading) feed.flush()
    this.resume()
  }

  pause(): void {
    if (!this.ended) this.exchange.client.pause()
  }

  resume(): void {
    if (!this.exchange.answerDone) this.exchange.client.resume()
  }

  /** The rest is read and thrown away. */
  over(): void {
    if (this.ended) return
    this.ended = true
    this.feed = undefined
    this.early.length = 0
    this.resume()
  }
}
