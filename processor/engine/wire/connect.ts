// Opens a connection to an instance and hands over its wire once it stands.
import net from 'node:net'
import tls from 'node:tls'
import type { InstanceTls } from '../../tls/upstream.js'
import { takeOver } from './take-over.js'
import { KEEP_ALIVE_MS, type Wire, type WireOwner } from './wire.js'

/** Where to connect, and how long a connection may wait for its next use (milliseconds, 0: no limit). */
export interface UpstreamTarget {
  readonly host: string
  readonly port: number
  /** Undefined: plain TCP. */
  readonly tls: InstanceTls | undefined
  readonly keepAliveMs: number
  /** No HTTP goes there: none is offered in the handshake, and it may be silent for as long as it likes. */
  readonly bare?: boolean
  /** Stay above Node's sockets. */
  readonly useSockets: boolean
}

export interface Dialer {
  connectedTo(wire: Wire): void
  /** `code`: the system's or OpenSSL's; empty where the other side closed during the handshake. */
  connectFailed(code: string): void
}

/** Calls one of the dialer's methods, later, unless the returned function is called before: that gives up. */
export function connect(target: UpstreamTarget, owner: WireOwner, dialer: Dialer): () => void {
  const socket = open(target)
  let over = false
  const fail = (code: string): void => {
    if (over) return
    over = true
    socket.destroy()
    dialer.connectFailed(code)
  }
  socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
  socket.on('close', () => fail(''))
  socket.once(target.tls === undefined ? 'connect' : 'secureConnect', () => {
    if (over) return
    over = true
    if (target.tls !== undefined) {
      socket.setNoDelay(true)
      if (target.bare === true) socket.setKeepAlive(true, KEEP_ALIVE_MS)
    }
    const wire = takeOver(socket, owner, target.useSockets)
    dialer.connectedTo(wire)
    if (!wire.closed) wire.resume()
  })
  return () => {
    if (over) return
    over = true
    socket.destroy()
  }
}

function open({ host, port, tls: secure, bare = false }: UpstreamTarget): net.Socket {
  if (secure === undefined) {
    const keepAlive = { keepAlive: bare, keepAliveInitialDelay: KEEP_ALIVE_MS }
    const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true, ...keepAlive })
    // Reading begins with the wire.
    return socket.pause()
  }
  const { ALPNProtocols: offered, ...own } = secure.options()
  // Node takes it, and its types do not know.
  const options: tls.ConnectionOptions & { allowHalfOpen: true } = {
    ...own,
    ...(offered !== undefined && !bare && { ALPNProtocols: offered }),
    host,
    port,
    allowHalfOpen: true,
  }
  const socket = tls.connect(options)
  secure.keepSessions(socket)
  return socket
}
