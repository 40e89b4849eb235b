// A server whose connections arrive as wires: below Node's sockets where their handles can be had, and behind a handshake
// where TLS is spoken.
import net from 'node:net'
import tls from 'node:tls'
import { getSystemErrorName } from 'node:util'
import { HandleWire } from './handle-wire.js'
import { isStreamHandle, native } from './native.js'
import { NOBODY, takeOver } from './take-over.js'
import { KEEP_ALIVE_MS, type Wire } from './wire.js'

export interface Acceptor {
  /** Whether there is room for a handshake; asked where TLS is spoken. `handshakes`: those under way, of all that count together. */
  mayShakeHands(handshakes: number, peer: string): boolean
  /** Takes a new connection; reading begins when the wire is resumed. */
  accepted(wire: Wire): void
  /** A connection could not be accepted, e.g. because no file descriptor is left, or its handshake failed. */
  acceptFailed(code: string, peer: string): void
}

export interface WireServerOptions {
  /** Asked for each connection; undefined: plain TCP. */
  readonly tls: (() => tls.TLSSocketOptions) | undefined
  /** Asked for each connection. */
  readonly handshakeMs: number
  /** Of all servers that count together; a count of its own where there is none. */
  readonly handshakes?: Handshakes
  /** Stay above Node's sockets, even where handles can be had. */
  readonly useSockets: boolean
  /** Its connections may be silent for as long as they like. */
  readonly keepAlive?: boolean
}

/** Those under way. */
export interface Handshakes {
  count: number
}

/** Not listening yet. */
export function createWireServer(options: WireServerOptions, acceptor: Acceptor): net.Server {
  const { tls: secure, useSockets, keepAlive = false } = options
  const shakeHands = secure && createHandshakes(secure, options, acceptor)
  const take = (socket: net.Socket): void => {
    if (shakeHands === undefined) acceptor.accepted(takeOver(socket, NOBODY, useSockets))
    else shakeHands(socket)
  }
  // A TLS socket reads by itself from the one below it.
  const pauseOnConnect = secure === undefined
  const server = net.createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect, keepAlive, keepAliveInitialDelay: KEEP_ALIVE_MS },
    take,
  )
  // Before it listens, an error is whoever's that wants it to listen.
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (server.listening) acceptor.acceptFailed(error.code ?? error.message, '')
  })
  if (native === undefined || useSockets || secure !== undefined) return server
  server.on('listening', () => {
    const { _handle: listening } = server as unknown as { _handle?: { onconnection?: unknown } }
    if (typeof listening?.onconnection !== 'function') return
    // A plain connection needs no socket: this saves a third of what accepting costs.
    listening.onconnection = (error: number, handle: unknown): void => {
      if (error !== 0) acceptor.acceptFailed(getSystemErrorName(error), '')
      else if (isStreamHandle(handle)) acceptor.accepted(wireOf(handle, keepAlive))
      else take(new net.Socket({ handle, allowHalfOpen: true } as net.SocketConstructorOpts).pause())
    }
  })
  return server
}

function wireOf(handle: ConstructorParameters<typeof HandleWire>[0], keepAlive: boolean): Wire {
  handle.setNoDelay?.(true)
  if (keepAlive) handle.setKeepAlive?.(true, KEEP_ALIVE_MS / 1000)
  const name: { address?: string } = {}
  handle.getpeername?.(name)
  return new HandleWire(handle, NOBODY, name.address ?? '')
}

function createHandshakes(
  secure: () => tls.TLSSocketOptions,
  options: WireServerOptions,
  acceptor: Acceptor,
): (socket: net.Socket) => void {
  const { useSockets, handshakes = { count: 0 } } = options
  return (below) => {
    const { handshakeMs } = options
    const peer = below.remoteAddress ?? ''
    if (!acceptor.mayShakeHands(handshakes.count, peer)) {
      below.destroy()
      return
    }
    const socket = new tls.TLSSocket(below, secure())
    let over = false
    const end = (): boolean => {
      if (over) return false
      over = true
      handshakes.count--
      socket.setTimeout(0)
      return true
    }
    const fail = (code: string): void => {
      if (!end()) return
      socket.destroy()
      acceptor.acceptFailed(code, peer)
    }
    handshakes.count++
    if (handshakeMs > 0) socket.setTimeout(handshakeMs, () => fail('ETIMEDOUT'))
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
    socket.on('close', () => fail('ECONNRESET'))
    socket.on('end', () => fail('ECONNRESET'))
    // What Node's own TLS server would do with a fault after the handshake.
    socket.on('_tlsError', (error) => socket.destroy(error))
    socket.on('secure', () => {
      // The first request may already be under way in the same bytes: the wire takes over within this call.
      if (end()) acceptor.accepted(takeOver(socket, NOBODY, useSockets))
    })
  }
}
