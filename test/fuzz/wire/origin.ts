// An origin on raw sockets that reads with the reference, so that it sees what a careful origin would see, and records it.
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Cleanup } from '../../kit/process.js'
import { toBuffer } from '../cases.js'
import { type Message, readRequests } from '../reference/messages.js'
import type { RequestHead } from '../reference/request.js'

export interface Arrived {
  readonly message: Message<RequestHead>
  /** Counts every request that this origin ever got. */
  readonly serial: number
}

export interface Origin {
  readonly address: string
  /** Whole requests since the last `forget`, in the order of their last bytes. */
  readonly arrived: readonly Arrived[]
  /** What came and cannot be read as requests, or came where nothing may come, since the last `forget`. */
  readonly unreadable: readonly string[]
  forget(): void
}

export interface OriginConnection {
  readonly socket: Socket
  /** Set by whoever answers: what comes from now on is another protocol, and is kept in `after`. */
  switched: boolean
  after: string
  /** Set by whoever answers: no other request may come here. */
  spoiled: boolean
}

/** Answers one request, or does something else with its connection. */
export type Answering = (request: Arrived, connection: OriginConnection) => void

/** What this origin says to a client that waits for it before it sends a body. */
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

const NO_LIMITS = { headBytes: Infinity, fields: Infinity, uriBytes: Infinity, trusted: true }

export async function startRecordingOrigin(t: Cleanup, answering: Answering): Promise<Origin> {
  const sockets = new Set<Socket>()
  let arrived: Arrived[] = []
  let unreadable: string[] = []
  let serial = 0
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    const connection: OriginConnection = { socket, switched: false, after: '', spoiled: false }
    let unread = ''
    let continued = false
    socket.on('data', (chunk) => {
      if (connection.switched) {
        connection.after += chunk.toString('latin1')
        return
      }
      unread += chunk.toString('latin1')
      const { messages, ending, begun, end, why } = readRequests(unread, NO_LIMITS)
      if (ending === 'refused') unreadable.push(`${why}: ${JSON.stringify(unread.slice(end))}`)
      for (const message of messages) {
        const request = { message, serial: serial++ }
        if (message.head.expectsContinue && !continued) socket.write(toBuffer(CONTINUE))
        continued = false
        if (connection.spoiled) unreadable.push(`${message.head.target} on a connection that was spoiled`)
        arrived.push(request)
        answering(request, connection)
      }
      unread = unread.slice(end)
      if (begun?.head.expectsContinue === true && !continued) {
        continued = true
        socket.write(toBuffer(CONTINUE))
      }
    })
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.end())
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get arrived() {
      return arrived
    },
    get unreadable() {
      return unreadable
    },
    forget() {
      arrived = []
      unreadable = []
    },
  }
}
