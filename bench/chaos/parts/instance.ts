// An instance in a process of its own: answers, misbehaves as it is told, and notes each request that has arrived whole.
import http from 'node:http'
import type { Socket } from 'node:net'
import { answerCalls } from '../../endurance/parts/calls.js'
import { openDeliveries, type DeliveryLog } from './deliveries.js'
import { answerTo, bodyOf, PATH } from './messages.js'

/** `gone`: nothing listens, and every connection has been reset. */
export type Mode = 'well' | 'slow' | 'reset' | 'close' | 'truncated' | 'drip' | 'status 500' | 'status 503' | 'gone'

export interface Condition {
  readonly mode: Mode
  /** What polls get to see: the same as everybody, or always this. */
  readonly polls?: 'fine' | 'failing'
}

export interface Duty {
  readonly port: number
  readonly deliveries: string
  /** How long an answer takes. */
  readonly serviceMs: number
}

const SLOW_TIMES = 50
const DRIP_BYTES = 32
const DRIP_EVERY_MS = 100
/** Far above any proxy's own: the proxy ends idle connections. */
const KEEP_ALIVE_MS = 600_000

const sockets = new Set<Socket>()
let condition: Condition = { mode: 'well' }
let duty: Duty = { port: 0, deliveries: '', serviceMs: 0 }
let log: DeliveryLog | undefined
let leaving: Promise<void> | undefined

const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
  const pieces: Buffer[] = []
  response.on('error', () => undefined)
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => take(request, response, Buffer.concat(pieces).toString('latin1')))
})
server.on('connection', (socket: Socket) => {
  if (condition.mode === 'close') return void socket.destroy()
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.on('close', () => sockets.delete(socket))
})
server.on('clientError', (_error, socket) => socket.destroy())

function take(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
  const { method = '', url = '' } = request
  const id = url.slice(PATH.length)
  if (url === '/health') {
    const { polls } = condition
    if (polls !== undefined) return answer(response, polls === 'fine' ? 200 : 500, polls)
  } else {
    log?.note(id, method, body !== (method === 'POST' ? bodyOf(id) : ''))
  }
  behave(request, response, answerTo(id))
}

function behave(request: http.IncomingMessage, response: http.ServerResponse, text: string): void {
  const { serviceMs } = duty
  const { mode } = condition
  switch (mode) {
    case 'well':
      return after(serviceMs, () => answer(response, 200, text))
    case 'slow':
      return after(serviceMs * SLOW_TIMES, () => answer(response, 200, text))
    case 'reset':
    case 'gone':
      return void request.socket.resetAndDestroy()
    case 'close':
      return void request.socket.destroy()
    case 'truncated':
      return after(serviceMs, () => {
        response.setHeader('Content-Length', text.length)
        response.write(text.slice(0, text.length / 2), () => request.socket.destroy())
      })
    case 'drip':
      return after(serviceMs, () => drip(response, text))
    case 'status 500':
    case 'status 503':
      return after(serviceMs, () => answer(response, mode === 'status 500' ? 500 : 503, 'failed'))
  }
}

function after(ms: number, run: () => void): void {
  setTimeout(run, ms)
}

function answer(response: http.ServerResponse, status: number, text: string): void {
  // What still runs when the instance leaves is its connection's last.
  if (leaving !== undefined || condition.mode === 'close') response.setHeader('Connection', 'close')
  response.writeHead(status, { 'Content-Length': text.length })
  response.end(text)
}

function drip(response: http.ServerResponse, text: string): void {
  let at = 0
  response.setHeader('Content-Length', text.length)
  const timer = setInterval(() => {
    response.write(text.slice(at, (at += DRIP_BYTES)))
    if (at >= text.length) response.end()
  }, DRIP_EVERY_MS)
  response.on('close', () => clearInterval(timer))
  response.on('finish', () => clearInterval(timer))
}

function listen(): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: duty.port, host: '127.0.0.1', backlog: 4096 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

// What a service does on SIGTERM: no new connections, idle ones ended, what was asked answered, then gone.
function leave(): Promise<void> {
  return (leaving ??= new Promise((resolve) => server.close(() => resolve())))
}

process.on('SIGTERM', () => void leave())

const calls = {
  /** Begins to serve; resolves when it listens. */
  serve(given: Duty) {
    duty = given
    calls.note(given.deliveries)
    return listen()
  },
  /** Notes what arrives in this file from now on. */
  note(file: string) {
    log?.close()
    log = openDeliveries(file)
  },
  async become(wanted: Condition) {
    const { mode: before } = condition
    condition = wanted
    if (wanted.mode === 'close') server.closeIdleConnections()
    if (wanted.mode === 'gone' && before !== 'gone') {
      server.close()
      for (const socket of sockets) socket.resetAndDestroy()
    } else if (before === 'gone' && wanted.mode !== 'gone') await listen()
  },
  /** Resolves when it has done what it does on SIGTERM. */
  left: () => leave(),
}

export type InstanceCalls = typeof calls
answerCalls(calls)
