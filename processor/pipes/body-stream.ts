// Sends a body through streams of Node's: pieces in, pieces out, held back on either side as the other one asks.
import type { Duplex } from 'node:stream'
import { asBytes } from './as-bytes.js'
import { type Stuck, within } from './running.js'
import { discard, release } from './users-stream.js'

export interface BodyOutput extends Stuck {
  /** False: no more until `resume`. */
  data(piece: Buffer): boolean
  end(): void
  failed(error: Error): void
  /** The streams take more again. */
  ready(): void
}

export class BodyStream {
  private readonly first: Duplex
  private readonly last: Duplex
  private destroyed = false

  constructor(
    private readonly streams: readonly Duplex[],
    private readonly output: BodyOutput,
  ) {
    this.first = streams[0] as Duplex
    this.last = streams.at(-1) as Duplex
    for (const [i, stream] of streams.entries()) {
      stream.on('error', (error) => {
        if (!this.destroyed) output.failed(error)
        this.destroy()
      })
      // Ended by its own code, without an error: nothing would ever come to its end.
      const closed = (): void => {
        if (this.destroyed || stream.readableEnded) return
        output.failed(stream.errored ?? new Error('a stream was closed before its end'))
        this.destroy()
      }
      stream.on('close', closed)
      // Before anything came: nothing more would be heard of it.
      if (stream.destroyed) process.nextTick(closed)
      stream.on('end', () => release(stream))
      const next = streams[i + 1]
      if (next !== undefined) stream.pipe(next)
    }
    this.first.on('drain', () => output.ready())
    this.last.on('data', (piece: unknown) => {
      if (this.destroyed) return
      let bytes: Buffer
      try {
        bytes = asBytes(piece)
      } catch (error) {
        // Objects, of a stream that is made for those.
        this.last.destroy(error as Error)
        return
      }
      if (bytes.length > 0 && !output.data(bytes)) this.last.pause()
    })
    this.last.on('end', () => {
      if (!this.destroyed) output.end()
    })
  }

  /** Takes a copy. False: `ready` tells when there is room for more. */
  write(piece: Buffer): boolean {
    return this.destroyed || within(this.output, undefined, () => this.first.write(Buffer.from(piece)))
  }

  end(): void {
    if (!this.destroyed) within(this.output, undefined, () => this.first.end())
  }

  /** Whoever takes the pieces has no room. */
  pause(): void {
    if (!this.destroyed) this.last.pause()
  }

  /** Whoever takes the pieces has room again. */
  resume(): void {
    if (!this.destroyed && this.last.isPaused()) this.last.resume()
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    for (const stream of this.streams) discard(stream)
  }
}
