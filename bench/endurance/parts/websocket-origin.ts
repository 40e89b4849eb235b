// The far end of a WebSocket: takes the upgrade and sends every message back.
import type http from 'node:http'
import type { Socket } from 'node:net'
import { acceptOf, frame, FrameReader, Opcode } from '../frames.js'

/** `first`: bytes that came with the request's head. */
export function echoMessages(request: http.IncomingMessage, socket: Socket, first: Buffer): void {
  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  const head =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'] ?? '')}\r\n\r\n`
  // A greeting in the same packet as the head: what follows a head belongs to the new protocol already.
  socket.write(Buffer.concat([Buffer.from(head), frame(Opcode.Text, Buffer.from('hello'))]))
  const reader = new FrameReader((opcode, payload) => {
    if (!socket.write(frame(opcode, payload))) socket.pause()
    if (opcode === Opcode.Close) socket.end()
  })
  socket.on('drain', () => socket.resume())
  socket.on('data', (chunk: Buffer) => reader.feed(chunk))
  socket.on('end', () => socket.end())
  if (first.length > 0) reader.feed(first)
}
