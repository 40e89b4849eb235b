// An origin on raw sockets that keeps every byte it gets, and answers each request with what it saw, or as a script says.
import net, { type AddressInfo } from 'node:net'
import type { Cleanup } from '../kit/process.js'
import type { Script } from './case.js'
import { STRICT } from './reading/dialect.js'
import { read, type ReadMessage, valuesOf } from './reading/read.js'

export interface RecordedConnection {
  /** All that has come on it, one character a byte. */
  readonly bytes: string
  /** The gateway has ended it. */
  readonly closed: boolean
}

export interface Recorder {
  readonly authority: string
  readonly connections: readonly RecordedConnection[]
  /** Requests whose target has `id` in it get this instead of an answer. */
  script(id: string, script: Script): void
  /** The client has what it was to get. */
  answered(): void
}

/** What the answer to a request says. */
export function echo(method: string, target: string, body: string): string {
  return `saw ${method} ${target} ${body.length}`
}

class Connection implements RecordedConnection {
  bytes = ''
  closed = false
  /** Where the first request begins that is not answered. */
  next = 0
  /** Its head has had its answer already. */
  early = false
  playing = Promise.resolve()
}

export async function startRecorder(t: Cleanup): Promise<Recorder> {
  const connections: Connection[] = []
  const scripts = new Map<string, Script>()
  const sockets = new Set<net.Socket>()
  let gate = openGate()

  const scriptOf = ({ start }: ReadMessage): Script | undefined => {
    for (const [id, script] of scripts) if (start.includes(id)) return script
    return undefined
  }

  async function play(socket: net.Socket, { play: steps }: Script): Promise<void> {
    const { passed } = gate
    for (const step of steps) {
      if (step === 'answered') await passed
      else if (step === 'turn') await new Promise((resolve) => setImmediate(resolve))
      else if (step === 'close') socket.end()
      else if (step === 'reset') socket.resetAndDestroy()
      else if (socket.writable) socket.write(step, 'latin1')
    }
  }

  /** In turn: what is played for one request is done before the next one is answered. */
  function answer(connection: Connection, socket: net.Socket, request: ReadMessage, early: boolean): void {
    connection.playing = connection.playing.then(() => answerNow(socket, request, early))
  }

  async function answerNow(socket: net.Socket, request: ReadMessage, early: boolean): Promise<void> {
    const script = scriptOf(request)
    if (script !== undefined) {
      if (((script.at ?? 'end') === 'head') === early) await play(socket, script)
      return
    }
    if (!socket.writable) return
    if (early) {
      if (valuesOf(request.fields, 'expect').length > 0) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      return
    }
    const [method = '', target = ''] = request.start.split(' ')
    const body = echo(method, target, request.body)
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`
    socket.write(method === 'HEAD' ? head : head + body, 'latin1')
  }

  function consume(connection: Connection, socket: net.Socket): void {
    const { messages, open } = read(connection.bytes.slice(connection.next), STRICT)
    const from = connection.next
    for (const message of messages) {
      if (!connection.early) answer(connection, socket, message, true)
      connection.early = false
      answer(connection, socket, message, false)
      connection.next = from + message.end
    }
    if (open !== undefined && !connection.early) {
      connection.early = true
      answer(connection, socket, open, true)
    }
  }

  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection = new Connection()
    connections.push(connection)
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      connection.bytes += chunk.toString('latin1')
      consume(connection, socket)
    })
    socket.on('end', () => {
      connection.closed = true
      socket.end()
    })
    socket.on('close', () => {
      connection.closed = true
      sockets.delete(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return {
    authority: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    script(id, script) {
      scripts.clear()
      scripts.set(id, script)
      gate = openGate()
    },
    answered: () => gate.open(),
  }
}

function openGate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => (open = resolve))
  return { passed, open: () => open() }
}
