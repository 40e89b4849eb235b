// A server whose connections arrive as wires: below Node's sockets where their handles can be had.
import net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { HandleWire } from './handle-wire.js'
import { isStreamHandle, native } from './native.js'
import { SocketWire } from './socket-wire.js'
import type { Wire, WireOwner } from './wire.js'

export interface Acceptor {
  /** Takes a new connection; reading begins when the wire is resumed. */
  accepted(wire: Wire): void
  /** A connection could not be accepted, e.g. because no file descriptor is left. */
  acceptFailed(code: string): void
}

/** Whoever has a wire before it has an owner. */
const NOBODY: WireOwner = { wireRead() {}, wireEnded() {}, wireDrained() {}, wireClosed() {} }

/** Not listening yet. `useSockets`: even where handles can be had. */
export function createWireServer(acceptor: Acceptor, useSockets = false): net.Server {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
    acceptor.accepted(new SocketWire(socket, NOBODY)),
  )
  if (native === undefined || useSockets) return server
  server.on('listening', () => {
    const { _handle: listening } = server as unknown as { _handle?: { onconnection?: unknown } }
    if (typeof listening?.onconnection !== 'function') return
    listening.onconnection = (error: number, handle: unknown): void => {
      if (error !== 0) acceptor.acceptFailed(getSystemErrorName(error))
      else acceptor.accepted(wireOf(handle))
    }
  })
  return server
}

function wireOf(handle: unknown): Wire {
  if (!isStreamHandle(handle)) {
    const options = { handle, allowHalfOpen: true, noDelay: true } as net.SocketConstructorOpts
    return new SocketWire(new net.Socket(options), NOBODY)
  }
  handle.setNoDelay?.(true)
  const name: { address?: string } = {}
  handle.getpeername?.(name)
  return new HandleWire(handle, NOBODY, name.address ?? '')
}
