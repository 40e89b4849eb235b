// Clients with a large body on its way, down or up, and how far it has come.
import net from 'node:net'
import { AnswerReader } from './answer-reader.js'
import { answerCalls } from './calls.js'
import { readAtPace } from './pace.js'

export interface TransferPlan {
  readonly port: number
  readonly path: string
  /** Of the request's body; 0: a GET. */
  readonly bytes: number
  /** At which the body is sent or the answer is read; 0: as fast as it goes. */
  readonly bytesPerSecond: number
  readonly count: number
}

export interface TransferSummary {
  /** Bytes of answers' bodies that were read. */
  readonly received: number
  /** Bytes that the kernel has taken from us. */
  readonly sent: number
  /** How they ended: by status, `nothing`: without a word, `open`: not yet. */
  readonly ends: Readonly<Record<string, number>>
  /** Since `mark`, of those that have ended since. */
  readonly lastEndMs: number
}

const PIECE = Buffer.alloc(64 * 1024, 'u')
const PACE_MS = 20

interface Transfer {
  readonly socket: net.Socket
  readonly reader: AnswerReader
  endedAt: number
}

let transfers: Transfer[] = []
let markedAt = 0

function begin({ port, path, bytes, bytesPerSecond }: TransferPlan): Transfer {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const transfer: Transfer = { socket, reader: new AnswerReader(), endedAt: 0 }
  const end = (): void => void (transfer.endedAt ||= performance.now())
  socket.on('error', end)
  socket.on('end', end)
  socket.on('close', end)
  readAtPace(socket, bytes === 0 ? bytesPerSecond : 0, (chunk) => {
    transfer.reader.feed(chunk)
    if (transfer.reader.whole) end()
  })
  if (bytes === 0) socket.write(`GET ${path} HTTP/1.1\r\nHost: transfers\r\n\r\n`)
  else sendBody(socket, path, bytes, bytesPerSecond)
  return transfer
}

function sendBody(socket: net.Socket, path: string, bytes: number, bytesPerSecond: number): void {
  let left = bytes
  socket.write(`PUT ${path} HTTP/1.1\r\nHost: transfers\r\nContent-Length: ${bytes}\r\n\r\n`)
  const more = (most: number): void => {
    for (let allowed = most; allowed > 0 && left > 0 && !socket.destroyed;) {
      const piece = PIECE.subarray(0, Math.min(left, allowed))
      left -= piece.length
      allowed -= piece.length
      if (!socket.write(piece)) return
    }
  }
  if (bytesPerSecond > 0) {
    const timer = setInterval(() => more((bytesPerSecond * PACE_MS) / 1000), PACE_MS)
    socket.on('close', () => clearInterval(timer))
  } else {
    socket.on('drain', () => more(Infinity))
    more(Infinity)
  }
}

const calls = {
  begin(plan: TransferPlan) {
    transfers.push(...Array.from({ length: plan.count }, () => begin(plan)))
  },
  /** Times of ends count from here. */
  mark: () => void (markedAt = performance.now()),
  summary(): TransferSummary {
    const ends: Record<string, number> = {}
    for (const { reader, endedAt } of transfers) {
      const end = endedAt === 0 ? 'open' : reader.verdict()
      ends[end] = (ends[end] ?? 0) + 1
    }
    return {
      received: transfers.reduce((sum, { reader }) => sum + reader.bodyBytes, 0),
      sent: transfers.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0),
      ends,
      lastEndMs: Math.max(0, ...transfers.map(({ endedAt }) => endedAt - markedAt)),
    }
  },
  /** Breaks off: with a clean end, the kernel would first deliver all that it has taken. */
  end() {
    for (const { socket } of transfers) if (!socket.destroyed) socket.resetAndDestroy()
    transfers = []
  },
}

export type TransferCalls = typeof calls
answerCalls(calls)
