// A gateway with one listener for bare connections, and instances that do not behave.
import { spawn } from 'node:child_process'
import net from 'node:net'
import type { TestContext } from 'node:test'
import { startGateway, type TestGateway } from '../kit/gateway.js'
import { waitFor } from '../kit/wait.js'
import { listen } from '../kit/wire.js'

type Settings = Record<string, unknown>

/** `service` behind the listener `db`, with `listener` beside its own settings. */
export async function through(t: TestContext, service: Settings, listener: Settings = {}) {
  const gateway = await startGateway(t, {
    processor: { listeners: [{ name: 'db', port: 0, tcp: 'db', ...listener }] },
    services: { db: service },
  })
  return { gateway, port: gateway.ports['db'] ?? 0 }
}

/** A server that says its name to whoever connects. */
export const speaker = (t: TestContext, name: string) => listen(t, (wire) => wire.send(`${name}\n`))

export const inFlight = ({ endpoints }: TestGateway) =>
  [...endpoints.values()].reduce((sum, endpoint) => sum + endpoint.inFlight, 0)

const NOBODY_ACCEPTS = `
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port) + '\\n')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

/** An address at which connections are not made: its backlog is full, and the system lets whoever comes next wait. */
export async function stuckInstance(t: TestContext) {
  const { line, kill } = await startProcess(process.execPath, ['-e', NOBODY_ACCEPTS])
  t.after(kill)
  const port = Number(line)
  const waiting = Array.from({ length: 8 }, () => net.connect({ port, host: '127.0.0.1' }).on('error', () => undefined))
  t.after(() => {
    for (const socket of waiting) socket.destroy()
  })
  await waitFor(() => waiting.filter(({ connecting }) => !connecting).length >= 2)
  return {
    stuck: `127.0.0.1:${port}`,
    endpointAt: ({ endpoints }: TestGateway) => [...endpoints.values()].find(({ instance }) => instance.port === port),
  }
}

/** The first line that it writes. */
function startProcess(command: string, args: readonly string[]): Promise<{ line: string; kill: () => void }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = () => void child.kill('SIGKILL')
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (text: Buffer) => resolve({ line: text.toString(), kill }))
    child.once('exit', (code) => reject(new Error(`it ended: ${code}`)))
  })
}
