// Undoes the content coding of a body as it comes, no faster than its client takes it.
import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'

export interface UnpackedOutput {
  /** False: no more until `resume`. */
  piece(buf: Buffer): boolean
  /** No more comes at the moment. */
  flush(): void
  /** Takes more again. */
  drained(): void
  end(): void
  /** Its bytes are not what the coding says, or end too early. */
  failed(): void
}

export interface Unpacked {
  /** The bytes are copied. False: no more until `drained`. */
  write(buf: Buffer, start: number, end: number): boolean
  end(): void
  resume(): void
  destroy(): void
}

const STREAMS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
])

/** Undefined: a coding that is not undone here. */
export function createUnpacked(coding: string, output: UnpackedOutput): Unpacked | undefined {
  const stream = STREAMS.get(coding.toLowerCase())?.()
  if (stream === undefined) return undefined
  stream.on('data', (piece: Buffer) => {
    if (!output.piece(piece)) stream.pause()
    output.flush()
  })
  stream.on('drain', () => output.drained())
  stream.on('end', () => output.end())
  stream.on('error', () => output.failed())
  return {
    write: (buf, start, end) => stream.write(Buffer.from(buf.subarray(start, end))),
    end: () => void stream.end(),
    resume: () => void stream.resume(),
    destroy: () => void stream.destroy(),
  }
}
