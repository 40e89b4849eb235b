// The body of a request on its way from the client to the handler, where pipes watch or transform it.
import type { Duplex } from 'node:stream'
import { ChunkScanner } from '../engine/chunked.js'
import type { Client, Exchange, RequestSink } from '../exchange.js'
import { BodyStream } from './body-stream.js'
import type { BodyWatcher } from './pipe.js'
import type { Stuck } from './running.js'

export interface RequestBodyOwner extends Stuck {
  broken(error: Error): void
}

/** Stands before the sink of the handler. */
export class RequestBodyWay implements RequestSink {
  private readonly scanner: ChunkScanner | undefined
  private readonly stream: BodyStream | undefined
  private readonly inner: RequestSink
  private ended = false
  /** The streams take no more for now. */
  private full = false

  /**
   * `chunked`: how the body comes; its trailers end here, as RFC 9110 section 6.5.1 allows: what no pipe has seen could pass
   * for what a pipe says. With transforms it leaves in chunks.
   */
  constructor(
    private readonly exchange: Exchange,
    /** The connection that the body comes from. */
    private readonly source: Pick<Client, 'pause' | 'resume'>,
    chunked: boolean,
    private readonly watchers: readonly BodyWatcher[],
    transforms: readonly Duplex[],
    owner: RequestBodyOwner,
  ) {
    this.inner = exchange.sink as RequestSink
    this.scanner = chunked ? new ChunkScanner('*') : undefined
    if (transforms.length > 0) {
      this.stream = new BodyStream(transforms, {
        data: (piece) => this.send(piece),
        end: () => this.sendEnd(),
        failed: (error) => owner.broken(error),
        stuck: (name) => owner.stuck(name),
        ready: () => {
          this.full = false
          source.resume()
        },
      })
    }
  }

  requestBody(buf: Buffer, start: number, end: number): void {
    const { scanner, stream, inner } = this
    if (scanner === undefined) {
      this.content(buf.subarray(start, end))
      if (stream === undefined) inner.requestBody(buf, start, end)
      return
    }
    scanner.scan(buf, start, end, (from, to) => this.content(buf.subarray(from, to)))
    if (stream !== undefined) return
    const { passing, tail } = scanner
    if (tail !== '') {
      const last = Buffer.concat([buf.subarray(start, passing), Buffer.from(tail, 'latin1')])
      inner.requestBody(last, 0, last.length)
    } else if (passing > start) inner.requestBody(buf, start, passing)
  }

  private content(piece: Buffer): void {
    for (const watcher of this.watchers) watcher.piece(piece)
    if (this.stream?.write(piece) !== false) return
    this.full = true
    this.source.pause()
  }

  /** The instance takes no more for now: of a few bytes of the client's, streams can make any number. */
  pause(): void {
    this.stream?.pause()
  }

  resume(): void {
    this.stream?.resume()
    if (!this.full) this.source.resume()
  }

  private send(piece: Buffer): boolean {
    if (this.exchange.answerDone) return true
    const bytes = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`, 'latin1'), piece, CRLF])
    this.inner.requestBody(bytes, 0, bytes.length)
    this.inner.requestPause()
    return true
  }

  private sendEnd(): void {
    const { exchange, inner } = this
    if (exchange.answerDone) return
    exchange.requestDone = true
    inner.requestBody(LAST_CHUNK, 0, LAST_CHUNK.length)
    if (!exchange.answerDone) inner.requestEnd()
  }

  requestEnd(): void {
    this.endWatchers(true)
    if (this.stream === undefined) return this.inner.requestEnd()
    // What the streams still hold belongs to the request.
    this.exchange.requestDone = false
    this.stream.end()
  }

  private endWatchers(whole: boolean): void {
    if (this.ended) return
    this.ended = true
    for (const watcher of this.watchers) watcher.end(whole)
  }

  requestPause(): void {
    this.inner.requestPause()
  }

  clientDrained(): void {
    this.inner.clientDrained()
  }

  timedOut(): void {
    this.inner.timedOut()
  }

  clientGone(): void {
    this.inner.clientGone()
  }

  over(): void {
    this.endWatchers(false)
    this.stream?.destroy()
    this.inner.over()
  }
}

const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
