// An instance behind the gateway: what it answers, and how it misbehaves, is in the path.
import http from 'node:http'
import { type AddressInfo, type Socket } from 'node:net'
import { answerCalls } from './calls.js'
import { misbehave } from './misbehaviour.js'
import { readAtPace } from './pace.js'
import { createRandom, oneOf } from './random.js'
import { echoMessages } from './websocket-origin.js'

const PIECE = Buffer.alloc(64 * 1024, 'serverpy')
/** How often a chaotic origin resets one of its connections, whatever that is doing. */
const CHAOS_EVERY_MS = 20

type Answer = (request: http.IncomingMessage, response: http.ServerResponse, path: readonly string[]) => void

const answers: Record<string, Answer> = {
  /** `/echo/TOKEN`: the token. */
  echo: (_request, response, [, token = '']) => respond(response, token),
  /** `/bytes/COUNT`: so many, as fast as they are taken. */
  bytes: (_request, response, [, count]) => sendBytes(response, Number(count)),
  /** `/drip/COUNT`: a kilobyte every 50 ms. */
  drip: (_request, response, [, count]) => drip(response, Number(count)),
  /** `/events/COUNT/MS`: server-sent events; each says when it was sent. */
  events: (_request, response, [, count, everyMs]) => sendEvents(response, Number(count), Number(everyMs)),
  /** `/sink/BYTES_PER_SECOND`: reads the body no faster than that and says how long it was; 0: as fast as it comes. */
  sink: (request, response, [, pace]) => sink(request, response, Number(pace)),
  /** `/wait/MS`: an answer after that time. */
  wait: (_request, response, [, ms]) => void setTimeout(() => respond(response, 'late'), Number(ms)),
  /** Never an answer. */
  hold: () => undefined,
  /** `/chaos`: another way to fail each time. */
  chaos: (request, response) => misbehave(random, request, response),
}

const random = createRandom(3)
const sockets = new Set<Socket>()
const gone = { sent: 0, received: 0 }
let requests = 0
let chaos = 0

const server = http.createServer({ requestTimeout: 0, keepAliveTimeout: 120_000 }, (request, response) => {
  requests++
  response.on('error', () => undefined)
  // Behind the service's own first segment: /SERVICE/WHAT/…
  const path = (request.url ?? '').split('/').slice(2)
  if (chaos > 0 && path[0] === 'echo' && random() < chaos) request.socket.resetAndDestroy()
  else (answers[path[0] ?? ''] ?? notFound)(request, response, path)
})
server.on('connection', (socket: Socket) => {
  if (chaos > 0 && random() < chaos) return void socket.resetAndDestroy()
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.on('close', () => {
    sockets.delete(socket)
    gone.sent += taken(socket)
    gone.received += socket.bytesRead
  })
})
server.on('upgrade', (request: http.IncomingMessage, socket: Socket, first: Buffer) =>
  echoMessages(request, socket, first),
)
server.on('clientError', (_error, socket) => socket.destroy())

function notFound(_request: http.IncomingMessage, response: http.ServerResponse): void {
  response.statusCode = 404
  response.end()
}

function respond(response: http.ServerResponse, text: string): void {
  response.setHeader('Content-Length', text.length)
  response.end(text)
}

function sendBytes(response: http.ServerResponse, count: number): void {
  let left = count
  response.setHeader('Content-Length', count)
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE
      left -= piece.length
      if (!response.write(piece)) return
    }
    if (left === 0) response.end()
  }
  response.on('drain', more)
  more()
}

function drip(response: http.ServerResponse, count: number): void {
  let left = count
  response.setHeader('Content-Length', count)
  const timer = setInterval(() => {
    const size = Math.min(left, 1024)
    left -= size
    response.write(PIECE.subarray(0, size))
    if (left === 0) response.end()
  }, 50)
  response.on('close', () => clearInterval(timer))
}

function sendEvents(response: http.ServerResponse, count: number, everyMs: number): void {
  response.setHeader('Content-Type', 'text/event-stream')
  let left = count
  const send = (): void => {
    // The system's monotonic clock, the same in every process.
    response.write(`data: ${process.hrtime.bigint()}\n\n`)
    if (--left > 0) return
    clearInterval(timer)
    response.end()
  }
  const timer = setInterval(send, everyMs)
  response.on('close', () => clearInterval(timer))
  send()
}

function sink(request: http.IncomingMessage, response: http.ServerResponse, bytesPerSecond: number): void {
  let bytes = 0
  readAtPace(request, bytesPerSecond, (chunk) => (bytes += chunk.length))
  request.on('end', () => respond(response, String(bytes)))
}

/** Bytes that the kernel has taken from us. */
function taken(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength
}

setInterval(() => {
  if (chaos > 0 && sockets.size > 0) oneOf(random, [...sockets]).resetAndDestroy()
}, CHAOS_EVERY_MS)

const calls = {
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
        resolve((server.address() as AddressInfo).port),
      )
    }),
  /** The share of connections and of requests that end in a reset, and whether idle ones are reset; 0: none. */
  setChaos: (share: number) => void (chaos = share),
  counters() {
    const open = [...sockets]
    return {
      requests,
      connections: open.length,
      sent: open.reduce((sum, socket) => sum + taken(socket), gone.sent),
      received: open.reduce((sum, socket) => sum + socket.bytesRead, gone.received),
    }
  },
}

export type OriginCalls = typeof calls
answerCalls(calls)
