// One end of a raw TCP connection that a test holds open: the bytes that came, a wait for more, and every way to end it.
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Cleanup } from './process.js'
import { within } from './wait.js'

/** `closed`: the peer sent FIN. `reset`: the connection broke. */
export type End = 'open' | 'closed' | 'reset'

export interface Wire {
  /** Every byte that came so far, as Latin-1. */
  text(): string
  send(bytes: Buffer | string): void
  /** Resolves with all that came once `ready` holds for it; with what there is when the peer ends before. */
  until(ready: RegExp | ((text: string) => boolean), timeoutMs?: number): Promise<string>
  /** Resolves when the peer has ended. */
  ended(timeoutMs?: number): Promise<End>
  readonly end: End
  /** FIN: nothing more will be sent, but what comes is read. */
  finish(): void
  /** RST. */
  reset(): void
  /** Closes both sides, as a program that exits does. */
  destroy(): void
  pause(): void
  resume(): void
}

/** Connects to 127.0.0.1:`port`; the connection ends with the test. */
export async function dial(t: Cleanup, port: number): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  t.after(() => socket.destroy())
  const wire = wireOf(socket)
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return wire
}

export interface Listener {
  readonly port: number
  readonly address: string
  /** Connections so far, oldest first. */
  readonly wires: readonly Wire[]
}

/** A server on 127.0.0.1 that hands each connection to `serve` and does nothing else. */
export async function listen(t: Cleanup, serve: (wire: Wire, count: number) => void): Promise<Listener> {
  const wires: Wire[] = []
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const wire = wireOf(socket)
    serve(wire, wires.push(wire))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    for (const wire of wires) wire.destroy()
  })
  const { port } = server.address() as AddressInfo
  return { port, address: `127.0.0.1:${port}`, wires }
}

function wireOf(socket: Socket): Wire {
  let text = ''
  let end: End = 'open'
  const lookers = new Set<() => void>()
  const look = (): void => {
    for (const looker of [...lookers]) looker()
  }
  const over = (how: End): void => {
    if (end === 'open') end = how
    look()
  }
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    look()
  })
  socket.on('end', () => over('closed'))
  socket.on('error', () => over('reset'))
  socket.on('close', () => over('closed'))

  const when = (ready: () => boolean, timeoutMs: number, what: () => string): Promise<void> => {
    let looker = (): void => undefined
    const done = new Promise<void>((resolve) => {
      looker = () => ready() && resolve()
      lookers.add(looker)
      looker()
    })
    return within(done, timeoutMs, 'bytes')
      .catch((error: unknown) => {
        throw new Error(`${what()}; so far: ${JSON.stringify(text.slice(0, 600))}`, { cause: error })
      })
      .finally(() => lookers.delete(looker))
  }

  return {
    text: () => text,
    send: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    async until(ready, timeoutMs = 20_000) {
      const holds = typeof ready === 'function' ? ready : (all: string) => ready.test(all)
      await when(
        () => end !== 'open' || holds(text),
        timeoutMs,
        () => `nothing that fits came in ${timeoutMs} ms`,
      )
      return text
    },
    async ended(timeoutMs = 20_000) {
      await when(
        () => end !== 'open',
        timeoutMs,
        () => `the peer did not end in ${timeoutMs} ms`,
      )
      return end
    },
    get end() {
      return end
    },
    finish: () => void socket.end(),
    // After end() Node 20 cannot reset.
    reset: () => void (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy()),
    destroy: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  }
}
