// Reading no faster than told, so that whoever sends has to wait.
import type { Readable } from 'node:stream'

const TICK_MS = 10

/** Hands over what `stream` brings at `bytesPerSecond`; 0: as fast as it comes. */
export function readAtPace(stream: Readable, bytesPerSecond: number, take: (chunk: Buffer) => void): void {
  if (bytesPerSecond === 0) {
    stream.on('data', take)
    return
  }
  let allowance = 0
  let at = performance.now()
  stream.on('readable', () => undefined)
  const timer = setInterval(() => {
    const now = performance.now()
    // What was not used is lost: a stream that begins late must not catch up in a burst.
    allowance = Math.min(allowance + (bytesPerSecond * (now - at)) / 1000, bytesPerSecond / 4)
    at = now
    while (allowance >= 1 && stream.readableLength > 0) {
      const chunk = stream.read(Math.min(Math.floor(allowance), stream.readableLength)) as Buffer | null
      if (chunk === null) break
      allowance -= chunk.length
      take(chunk)
    }
    // The end shows only to a reader that asks once more.
    if (stream.readableLength === 0) stream.read(0)
  }, TICK_MS)
  stream.once('close', () => clearInterval(timer))
}
