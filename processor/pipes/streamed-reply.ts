// The body of a reply that comes piece by piece, as fast as the client takes it.
import type { Exchange, RequestSink } from '../exchange.js'
import { asBytes } from './as-bytes.js'
import { beginWait, endWait, type Wait, type Waiting } from './lost.js'
import { openSource, type Source } from './reply-source.js'
import { type Stuck, within } from './running.js'

/** Where the pieces go: through the pipes that see the answer. */
export interface ReplyOutput extends Stuck {
  /** Framing included. False: no more until the client has taken it. */
  writeReply(buf: Buffer): boolean
  endReply(): void
}

export class StreamedReply implements RequestSink, Waiting {
  /** Undefined while what is waited for alone may hold it. */
  private source: Source | undefined
  private released: WeakRef<Source> | undefined
  private wait: Wait | undefined
  private waiting: (() => void) | undefined
  private ended = false

  /** `length`: of the body, where its Content-Length has been said; its pieces go without framing then. */
  constructor(
    private readonly exchange: Exchange,
    private readonly output: ReplyOutput,
    /** Of the pipe that replies. */
    private readonly name: string,
    body: AsyncIterable<Uint8Array>,
    private readonly length: number | undefined,
    private readonly broken: (error: Error) => void,
  ) {
    this.source = openSource(body, output)
  }

  /** The head has been written. */
  start(): void {
    this.pump().catch((error: unknown) => {
      if (!this.ended) this.broken(error instanceof Error ? error : new Error(String(error)))
    })
  }

  private async pump(): Promise<void> {
    const { length } = this
    const bare = length !== undefined || this.exchange.minor === 0
    let left = length ?? Infinity
    while (!this.ended) {
      const { done, value } = await this.next()
      if (this.ended) return
      if (done === true) break
      const piece = asBytes(value)
      if (piece.length === 0) continue
      left -= piece.length
      // What comes behind its end would pass for the next answer.
      if (left < 0) throw new Error(`the body of a reply is longer than the ${length} bytes that were said`)
      const framed = bare ? piece : Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF])
      if (!this.output.writeReply(framed)) await new Promise<void>((resolve) => (this.waiting = resolve))
    }
    if (this.ended) return
    if (length !== undefined && left > 0) throw new Error(`the body of a reply is ${left} bytes shorter than was said`)
    if (!bare) this.output.writeReply(LAST_CHUNK)
    this.output.endReply()
  }

  private next(): Promise<IteratorResult<Uint8Array>> {
    const source = this.source as Source
    return new Promise((resolve, reject) => {
      const came = (result: IteratorResult<Uint8Array>): void => {
        endWait(this.wait)
        this.source = source
        resolve(result)
      }
      this.wait = beginWait(came, this)
      Promise.resolve(within(this.output, this.name, () => source.next())).then(came, (error: unknown) => {
        endWait(this.wait)
        this.source = source
        reject(error as Error)
      })
    })
  }

  release(): void {
    if (this.source !== undefined) this.released = new WeakRef(this.source)
    this.source = undefined
  }

  hold(): void {
    this.source ??= this.released?.deref()
  }

  lost(): void {
    this.output.stuck(this.name)
  }

  clientDrained(): void {
    const { waiting } = this
    this.waiting = undefined
    waiting?.()
  }

  clientGone(): void {
    this.over()
  }

  timedOut(): void {
    this.over()
  }

  over(): void {
    if (this.ended) return
    this.ended = true
    endWait(this.wait)
    this.hold()
    this.source?.close()
    this.clientDrained()
  }

  requestBody(): void {}
  requestEnd(): void {}
  requestPause(): void {}
}

const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
