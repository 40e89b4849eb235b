// Real servers for the tests of the probes, closed with their test.
import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { ServerConfig } from '../../../../shared/config/model.js'
import { systemClock } from '../../../../shared/clock.js'
import { silentLog } from '../../../../shared/log.js'
import { createProber } from '../../../../discovery/polling/probes/prober.js'
import type { Target, TryResult } from '../../../../discovery/polling/probes/probe.js'

/** Listens on a free port of 127.0.0.1 and resolves with `127.0.0.1:port`. */
export async function listen(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  }
  server.on('connection', keep)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A bare TCP server. */
export function raw(t: TestContext, onSocket: (socket: Socket) => void): Promise<string> {
  return listen(t, createServer(onSocket))
}

/** One try after another by the same prober. */
export function prober(
  t: TestContext,
  searchPath = '',
): (target: ServerConfig, signal?: AbortSignal) => Promise<TryResult> {
  const { probe, close } = createProber({ clock: systemClock, log: silentLog, searchPath })
  t.after(close)
  return (target, signal = new AbortController().signal) => probe(target as Target, signal)
}
