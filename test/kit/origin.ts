// A scripted origin server on raw sockets: records the exact bytes it gets and misbehaves exactly as told.
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { fieldValues, readBody, readHead } from './message.js'
import type { Head } from './message.js'
import { freePort } from './ports.js'
import type { Cleanup } from './process.js'

/** One request at the origin. The handler gets it as soon as its head is complete, the body may still be on its way. */
export interface OriginRequest {
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [string, string])[]
  /** First value of a field, in any case. */
  field(name: string): string | undefined
  /** Resolves once at least `count` bytes of this request (head and all) have arrived. */
  read(count: number): Promise<void>
  /** Resolves with the decoded body once it is whole. Rejects when the client closes before. */
  body(): Promise<Buffer>
  /** A whole answer with Content-Length; after `body()` is not awaited it is an early answer. */
  answer(status: number, body?: Buffer | string, fields?: Record<string, string>): void
  /** Exactly these bytes. */
  send(bytes: Buffer | string): void
  /** These bytes in pieces of `pieceBytes`, one each `everyMs`; stops when the client has gone. */
  drip(bytes: Buffer | string, pace?: { pieceBytes?: number; everyMs?: number }): Promise<void>
  /** Ends the connection cleanly (FIN) after what was sent. */
  close(): void
  /** Ends the connection with a reset (RST). */
  reset(): void
  /** Resolves when the client's side of this connection has gone. */
  readonly gone: Promise<void>
  readonly connection: OriginConnection
}

export interface OriginConnection {
  /** Every byte that came on this connection, in order. */
  received(): Buffer
  readonly open: boolean
}

export interface Origin {
  readonly port: number
  /** host:port, as a config would name it. */
  readonly address: string
  readonly connections: readonly OriginConnection[]
  readonly requests: readonly OriginRequest[]
  /** Resets all connections and stops listening: from here on connects are refused. */
  stop(): Promise<void>
}

/** Never answering is a handler that does nothing: `() => {}`. */
export type OriginHandler = (request: OriginRequest) => unknown

/** Listens on 127.0.0.1 (a free port unless told) and hands each request to `handler`. Stops with the test. */
export async function startOrigin(t: Cleanup, handler: OriginHandler, port?: number): Promise<Origin> {
  const at = port ?? (await freePort())
  const connections: OriginConnection[] = []
  const requests: OriginRequest[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    connections.push(
      serve(socket, (request) => {
        requests.push(request)
        return handler(request)
      }),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(at, '127.0.0.1', resolve)
  })
  const stop = async () => {
    if (!server.listening) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) reset(socket)
    await closed
  }
  t.after(stop)
  return { port: at, address: `127.0.0.1:${at}`, connections, requests, stop }
}

// On a socket whose end() is still being flushed, Node 20's resetAndDestroy fails with EINVAL and leaves a handle that spins.
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

function serve(socket: Socket, handler: OriginHandler): OriginConnection {
  let bytes = Buffer.alloc(0)
  let requestStart = 0
  let current: { head: Head; start: number } | undefined
  let ended = false
  const waiters = new Set<() => void>()
  const wake = () => {
    for (const waiter of [...waiters]) waiter()
  }
  const connection: OriginConnection = {
    received: () => bytes,
    get open() {
      return !ended
    },
  }
  const gone = new Promise<void>((resolve) => {
    const end = () => {
      ended = true
      wake()
      resolve()
    }
    socket.on('end', end)
    socket.on('close', end)
  })
  socket.on('error', () => {}) // A reset by the client is an event of the test, seen through `gone`.

  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    wake()
    for (;;) {
      if (!current) {
        const head = readHead(bytes, requestStart)
        if (!head) return
        current = { head, start: requestStart }
        start(head, requestStart)
      }
      const body = readBody(bytes, current.head)
      if (!body) return
      requestStart = body.end
      current = undefined
    }
  })

  function start(head: Head, startAt: number): void {
    const [method = '', target = ''] = head.startLine.split(' ')
    const until = <T>(ready: () => T | undefined, what: string) =>
      new Promise<T>((resolve, reject) => {
        const look = () => {
          const value = ready()
          if (value === undefined && !ended) return
          waiters.delete(look)
          if (value === undefined) reject(new Error(`the client closed before ${what}`))
          else resolve(value)
        }
        waiters.add(look)
        look()
      })
    const send = (data: Buffer | string) => {
      if (!socket.destroyed) socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    }
    const request: OriginRequest = {
      method,
      target,
      fields: head.fields,
      field: (name) => fieldValues(head.fields, name)[0],
      read: async (count) => {
        await until(() => (bytes.length - startAt >= count ? true : undefined), `${count} bytes had come`)
      },
      body: () => until(() => readBody(bytes, head)?.content, 'the body was whole'),
      answer(status, body = '', fields = {}) {
        const content = Buffer.from(body)
        const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
        const top = `HTTP/1.1 ${status} Scripted\r\nContent-Length: ${content.length}\r\n${lines.join('')}\r\n`
        send(Buffer.concat([Buffer.from(top, 'latin1'), method === 'HEAD' ? Buffer.alloc(0) : content]))
      },
      send,
      async drip(data, { pieceBytes = 1, everyMs = 1 } = {}) {
        const content = Buffer.from(data)
        for (let at = 0; at < content.length && !ended; at += pieceBytes) {
          send(content.subarray(at, at + pieceBytes))
          await new Promise((resolve) => setTimeout(resolve, everyMs))
        }
      },
      close: () => socket.end(),
      reset: () => reset(socket),
      gone,
      connection,
    }
    // A handler's fault is a fault of the test: it must fail loudly there, except that the client may always leave.
    Promise.resolve(handler(request)).catch((error: unknown) => {
      if (!ended) throw error
    })
  }
  return connection
}
