// From one of Node's sockets to a wire: beneath the socket where its handle can be had, on top of it otherwise.
import type net from 'node:net'
import { HandleWire } from './handle-wire.js'
import { isStreamHandle, native } from './native.js'
import { SocketWire } from './socket-wire.js'
import type { Wire, WireOwner } from './wire.js'

/** Whoever has a wire before it has an owner. */
export const NOBODY: WireOwner = { wireRead() {}, wireEnded() {}, wireDrained() {}, wireClosed() {} }

/**
 * `socket` is connected (for TLS: its handshake is done), paused, and has read nothing yet. `useSockets`: even where
 * handles can be had.
 */
export function takeOver(socket: net.Socket, owner: WireOwner, useSockets: boolean): Wire {
  const { _handle: handle } = socket as unknown as { _handle: unknown }
  if (useSockets || native === undefined || !isStreamHandle(handle)) return new SocketWire(socket, owner)
  const wire = new HandleWire(handle, owner, socket.remoteAddress ?? '', socket)
  socket.on('error', (error: NodeJS.ErrnoException) => wire.lost(error.code ?? error.message))
  socket.on('close', () => wire.lost(''))
  return wire
}
