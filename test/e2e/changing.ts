// What the tests of change on the built product share: origins that bear load, files that are replaced, and workers' states.
import { rename, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { request } from '../kit/http.js'
import type { Cleanup } from '../kit/process.js'
import type { Serverpy } from '../kit/serverpy.js'

/** An origin that bears load: it answers with its name, whatever it is asked. Its address. */
export async function startPlain(t: Cleanup, name: string): Promise<string> {
  const server = http.createServer((req, res) => {
    req.resume()
    req.on('end', () => res.end(name))
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A busy machine must not make an instance look ill. */
const polling = { method: 'health', endpoint: '/health', frequency: '2s', timeout: '2s' }

export const service = (servers: readonly string[], path: string) => ({ servers, polling, apis: [path] })

interface Changed {
  readonly services: Record<string, unknown>
  readonly processor?: Record<string, unknown>
}

/** The text of a config on the ports of `serverpy`. */
export function configFor({ discoveryPort, processorPort }: Serverpy, { services, processor }: Changed): string {
  const own = { port: processorPort, workers: 2, ...processor }
  return JSON.stringify({ version: 1, discovery: { port: discoveryPort }, processor: own, services }, null, 2)
}

export const fileOf = ({ folder }: Serverpy): string => join(folder, 'services.json')

/** As editors and deployments do it: the whole file, by a rename. */
export async function save(serverpy: Serverpy, text: string): Promise<void> {
  await writeFile(`${fileOf(serverpy)}.next`, text)
  await rename(`${fileOf(serverpy)}.next`, fileOf(serverpy))
}

export function post(serverpy: Serverpy, path: string) {
  return request(serverpy.discoveryPort, 'POST', path, { timeoutMs: 60_000 })
}

/** In the order of their names: `draining, serving`. */
export async function workerStates(serverpy: Serverpy): Promise<string> {
  const { items } = await serverpy.ask<{ items: { state: string }[] }>('/api/v1/workers')
  return items.map(({ state }) => state).join()
}

export const times = (text: string, part: RegExp): number => text.match(new RegExp(part, 'g'))?.length ?? 0
