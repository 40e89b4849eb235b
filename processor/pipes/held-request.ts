// Takes the body of a request while its pipes have not decided: kept as it came, or collected for a pipe that asked for it.
import { ChunkScanner } from '../engine/chunked.js'
import type { Exchange, RequestSink } from '../exchange.js'

export interface HoldingOwner {
  /** More has come than may be kept. */
  tooLarge(): void
  /** The body that was waited for is whole. */
  collected(): void
  clientGone(): void
}

/** Framing of a body in chunks that may come beside its content. */
const SPARE_BYTES = 64 * 1024

export class HeldRequest implements RequestSink {
  private readonly pieces: Buffer[] = []
  private bytes = 0
  private ended = false
  private most = 0
  /** Where chunks are to be told from what they hold. */
  private readonly scanner: ChunkScanner | undefined

  constructor(
    private readonly exchange: Exchange,
    private readonly owner: HoldingOwner,
  ) {
    this.scanner = exchange.body === 'chunked' ? new ChunkScanner() : undefined
  }

  /** Takes the whole body, of `most` bytes with its framing left out. The owner hears of its end. */
  collect(most: number): void {
    this.most = most
    if (this.tooMuch) return this.owner.tooLarge()
    if (this.ended) return this.owner.collected()
    this.exchange.client.resume()
  }

  /** The content, without framing. */
  content(): Buffer {
    const all = this.pieces.length === 1 ? (this.pieces[0] as Buffer) : Buffer.concat(this.pieces)
    if (this.exchange.body !== 'chunked') return all
    const data: Buffer[] = []
    new ChunkScanner().scan(all, 0, all.length, (start, end) => data.push(all.subarray(start, end)))
    return data.length === 1 ? (data[0] as Buffer) : Buffer.concat(data)
  }

  /** The request has this body instead. */
  replace(body: Buffer): void {
    this.pieces.length = 0
    this.pieces.push(body)
    this.ended = true
  }

  /** Runs what takes the exchange over, and gives it what has come, as if it came just now. */
  handOver(next: () => void): void {
    const { exchange, pieces, ended } = this
    exchange.sink = undefined
    if (exchange.body === 'none') return next()
    exchange.requestDone = false
    next()
    for (const [i, piece] of pieces.entries()) {
      if (ended && i === pieces.length - 1) exchange.requestDone = true
      this.taker?.requestBody(piece, 0, piece.length)
    }
    if (ended) {
      exchange.requestDone = true
      this.taker?.requestEnd()
    } else if (pieces.length > 0) {
      this.taker?.requestPause()
      exchange.client.resume()
    }
  }

  /** Who takes the body now; undefined: the exchange is over. */
  private get taker(): RequestSink | undefined {
    return this.exchange.answerDone ? undefined : this.exchange.sink
  }

  requestBody(buf: Buffer, start: number, end: number): void {
    this.pieces.push(Buffer.from(buf.subarray(start, end)))
    this.bytes += end - start
    this.scanner?.scan(buf, start, end)
    // Nobody has asked for more yet.
    if (this.most === 0) this.exchange.client.pause()
    else if (this.tooMuch) this.owner.tooLarge()
  }

  private get tooMuch(): boolean {
    const { scanner, bytes, most } = this
    // Framing of chunks comes on top; a chunk of one byte has six of it.
    return scanner === undefined ? bytes > most : scanner.dataBytes > most || bytes > most * 8 + SPARE_BYTES
  }

  requestEnd(): void {
    this.ended = true
    if (this.most > 0) this.owner.collected()
    // Nothing more of it comes: what is read now is that the client goes away.
    else this.exchange.client.resume()
  }

  requestPause(): void {}
  clientDrained(): void {}

  timedOut(): void {
    this.owner.clientGone()
  }

  clientGone(): void {
    this.owner.clientGone()
  }

  over(): void {}
}
