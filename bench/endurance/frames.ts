// WebSocket frames (RFC 6455 section 5), as much as an echo needs: both ends of the run write and read them with this.
import { createHash } from 'node:crypto'

export const enum Opcode {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
}

const FIN = 0x80
const MASKED = 0x80
const LENGTH_16 = 126
const LENGTH_64 = 127

/** One whole message in one frame. A client masks what it sends, a server does not. */
export function frame(opcode: Opcode, payload: Buffer, mask?: Buffer): Buffer {
  const { length } = payload
  const extra = length < LENGTH_16 ? 0 : length < 2 ** 16 ? 2 : 8
  const head = Buffer.alloc(2 + extra)
  head[0] = FIN | opcode
  head[1] = (mask === undefined ? 0 : MASKED) | (extra === 0 ? length : extra === 2 ? LENGTH_16 : LENGTH_64)
  if (extra === 2) head.writeUInt16BE(length, 2)
  else if (extra === 8) head.writeBigUInt64BE(BigInt(length), 2)
  if (mask === undefined) return Buffer.concat([head, payload])
  return Buffer.concat([head, mask, masked(payload, mask)])
}

/** Masking and unmasking are the same. */
function masked(payload: Buffer, mask: Buffer): Buffer {
  const result = Buffer.allocUnsafe(payload.length)
  for (let i = 0; i < payload.length; i++) result[i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0)
  return result
}

/** Takes bytes as they come and hands over each whole frame, unmasked. */
export class FrameReader {
  private parts: Buffer[] = []
  private bytes = 0
  private needed = 2

  constructor(private readonly take: (opcode: number, payload: Buffer) => void) {}

  feed(chunk: Buffer): void {
    this.parts.push(chunk)
    this.bytes += chunk.length
    // A large frame in many pieces is put together once.
    if (this.bytes < this.needed) return
    let all = Buffer.concat(this.parts)
    for (;;) {
      const size = frameSize(all)
      this.needed = size ?? all.length + 1
      if (size === undefined || all.length < size) break
      this.hand(all.subarray(0, size))
      all = all.subarray(size)
    }
    this.parts = [all]
    this.bytes = all.length
  }

  private hand(whole: Buffer): void {
    const isMasked = ((whole[1] ?? 0) & MASKED) !== 0
    const start = headSize(whole)
    const payload = whole.subarray(start)
    this.take((whole[0] ?? 0) & 15, isMasked ? masked(payload, whole.subarray(start - 4, start)) : payload)
  }
}

/** Head with length and mask; `bytes` has at least two. */
function headSize(bytes: Buffer): number {
  const second = bytes[1] ?? 0
  const short = second & 127
  return 2 + (short === LENGTH_16 ? 2 : short === LENGTH_64 ? 8 : 0) + ((second & MASKED) === 0 ? 0 : 4)
}

function frameSize(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined
  const head = headSize(bytes)
  if (bytes.length < head) return undefined
  const short = (bytes[1] ?? 0) & 127
  if (short === LENGTH_16) return head + bytes.readUInt16BE(2)
  return head + (short === LENGTH_64 ? Number(bytes.readBigUInt64BE(2)) : short)
}

/** What a server answers to a Sec-WebSocket-Key (RFC 6455 section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}
