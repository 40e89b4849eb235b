// Opens a connection to an instance and hands over its wire once it stands.
import net from 'node:net'
import tls from 'node:tls'
import { HandleWire } from './handle-wire.js'
import { isStreamHandle, native } from './native.js'
import { SocketWire } from './socket-wire.js'
import type { Wire, WireOwner } from './wire.js'

/** Where to connect, and how long a connection may wait for its next use (milliseconds, 0: no limit). */
export interface UpstreamTarget {
  readonly host: string
  readonly port: number
  /** TLS options without host and port; undefined: plain TCP. */
  readonly tls: tls.ConnectionOptions | undefined
  readonly keepAliveMs: number
}

export interface Dialer {
  connectedTo(wire: Wire): void
  /** `code`: the system's or OpenSSL's; empty where the other side closed during the handshake. */
  connectFailed(code: string): void
}

/** Calls one of the dialer's methods, later, unless the returned function is called before: that gives up. */
export function connect(target: UpstreamTarget, owner: WireOwner, dialer: Dialer): () => void {
  const { host, port } = target
  let over = false
  const socket =
    target.tls === undefined
      ? net.connect({ host, port, noDelay: true, allowHalfOpen: true })
      : tls.connect({ ...target.tls, host, port })
  // Reading begins with the wire.
  socket.pause()
  const fail = (code: string): void => {
    if (over) return
    over = true
    socket.destroy()
    dialer.connectFailed(code)
  }
  const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message)
  const onClose = (): void => fail('')
  socket.on('error', onError)
  socket.on('close', onClose)
  socket.once(target.tls === undefined ? 'connect' : 'secureConnect', () => {
    if (over) return
    over = true
    socket.off('close', onClose)
    if (target.tls !== undefined) socket.setNoDelay(true)
    const wire = wireOf(socket, owner)
    dialer.connectedTo(wire)
    if (!wire.closed) wire.resume()
  })
  return () => {
    over = true
    socket.destroy()
  }
}

function wireOf(socket: net.Socket, owner: WireOwner): Wire {
  const { _handle: handle } = socket as unknown as { _handle: unknown }
  if (native === undefined || socket instanceof tls.TLSSocket || !isStreamHandle(handle)) {
    return new SocketWire(socket, owner)
  }
  // The socket stays the handle's owner for Node, and hears no more of it.
  return new HandleWire(handle, owner, socket.remoteAddress ?? '', () => socket.destroy())
}
