// Long answers in pieces: as fast as the reader takes them, never more than a few pieces in memory.
import { pipeline } from 'node:stream/promises'
import { Readable, type Writable } from 'node:stream'

const PIECE = 64 * 1024

/** Writes all of `pieces` and ends `to`. Rejects when a side fails; a reader that goes away stops the source. */
export async function writeAll(pieces: AsyncIterable<string>, to: Writable, signal?: AbortSignal): Promise<void> {
  const source = Readable.from(joined(pieces), { objectMode: false, highWaterMark: PIECE })
  await pipeline(source, to, signal === undefined ? {} : { signal })
}

/** Small pieces joined to larger ones: a write each would cost more than the data. */
async function* joined(pieces: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let held: string[] = []
  let length = 0
  for await (const piece of pieces) {
    held.push(piece)
    length += piece.length
    if (length < PIECE) continue
    yield Buffer.from(held.join(''))
    held = []
    length = 0
  }
  if (length > 0) yield Buffer.from(held.join(''))
}
