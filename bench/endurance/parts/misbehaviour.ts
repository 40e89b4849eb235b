// The ways in which an instance can break off an exchange: at every phase of its answer, with a reset or with a clean end.
import type http from 'node:http'
import { oneOf } from './random.js'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'
const BODY = 'x'.repeat(20_000)
/** So that a client may have gone, or a body have come, by then. */
const MOST_WAIT_MS = 20

type Way = (socket: Ending) => void

/** The request's connection, on which every way writes raw bytes and ends. */
interface Ending {
  write(text: string): void
  reset(): void
  end(): void
}

const WAYS: readonly Way[] = [
  (socket) => socket.reset(),
  (socket) => socket.end(),
  (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-')
    socket.reset()
  },
  (socket) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    socket.reset()
  },
  (socket) => {
    socket.write(`${HEAD}Content-Length: ${BODY.length * 2}\r\n\r\n${BODY}`)
    socket.reset()
  },
  (socket) => {
    socket.write(`${HEAD}Content-Length: ${BODY.length * 2}\r\n\r\n${BODY}`)
    socket.end()
  },
  (socket) => {
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n5\r\nab`)
    socket.reset()
  },
  (socket) => {
    socket.write(`${HEAD}Connection: close\r\n\r\n${BODY}`)
    socket.end()
  },
  (socket) => {
    socket.write(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`)
    socket.reset()
  },
  // Answered whole, and whatever else came is thrown away with a reset: a body that was still on its way, too.
  (socket) => {
    socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
    socket.reset()
  },
]

/** Ends the exchange in one of these ways, at once or a little later, or leaves it without an answer. */
export function misbehave(random: () => number, request: http.IncomingMessage, response: http.ServerResponse): void {
  const { socket } = request
  const never = 1 / (WAYS.length + 2)
  const luck = random()
  if (luck < never) return
  if (luck < 2 * never) {
    request.resume()
    request.on('end', () => response.end('whole'))
    return
  }
  const ending: Ending = {
    write: (text) => void socket.write(text),
    reset: () => void socket.resetAndDestroy(),
    end: () => void socket.destroySoon(),
  }
  const way = oneOf(random, WAYS)
  setTimeout(() => {
    if (!socket.destroyed) way(ending)
  }, random() * MOST_WAIT_MS)
}
