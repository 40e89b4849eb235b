// The built product as a real process, with a config of its own in a folder of its own.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './ports.js'
import { type Cleanup, type RunningProcess, startProcess } from './process.js'
import { request } from './http.js'

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Serverpy extends RunningProcess {
  readonly folder: string
  readonly discoveryPort: number
  readonly processorPort: number
  /** JSON of a path of the discovery server. */
  ask<T = Record<string, unknown>>(path: string): Promise<T>
  /** The same again, in the same folder and on the same ports. */
  again(): Promise<Serverpy>
}

export interface StatsInstance {
  readonly id: string
  readonly instance_url: string
  readonly service_name: string
  readonly health: string
  readonly last_checked_at: string | null
  readonly last_failure: string | null
  readonly stats_packets: readonly { start_time: string; end_time: string; final_status: string; response: string }[]
  readonly packet_limit: number
}

export interface Stats {
  readonly service_statistics: readonly StatsInstance[]
  readonly requests: Record<string, number>
}

interface Given {
  readonly services: Record<string, unknown>
  readonly processor?: Record<string, unknown>
  readonly discovery?: Record<string, unknown>
  readonly command?: readonly string[]
  readonly env?: Record<string, string>
  /** Ports and folder of another process, for the other half. */
  readonly beside?: Serverpy
}

/** Starts `serverpy run -c` (or another command) and resolves when it says that it is ready; it ends with the test. */
export async function startServerpy(t: Cleanup, given: Given): Promise<Serverpy> {
  const folder = given.beside?.folder ?? (await mkdtemp(join(tmpdir(), 'serverpy-')))
  if (given.beside === undefined) t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  const discoveryPort = given.beside?.discoveryPort ?? (await freePort())
  const processorPort = given.beside?.processorPort ?? (await freePort())
  const config = {
    version: 1,
    discovery: { port: discoveryPort, ...given.discovery },
    processor: { port: processorPort, workers: 2, ...given.processor },
    services: given.services,
  }
  const file = join(folder, 'services.json')
  await writeFile(file, JSON.stringify(config))

  async function start(): Promise<Serverpy> {
    const running = await startProcess(process.execPath, [MAIN, ...(given.command ?? ['run']), '-c', file], {
      t,
      cwd: folder,
      ready: /"msg":"ready"/,
      ...(given.env === undefined ? {} : { env: given.env }),
    })
    return {
      ...running,
      folder,
      discoveryPort,
      processorPort,
      ask: async <T>(path: string) => (await request(discoveryPort, 'GET', path)).json() as T,
      again: start,
    }
  }
  return start()
}

/** Polling fast enough for a test. */
export const fastPolling = { method: 'health', endpoint: '/health', frequency: '200ms', timeout: '150ms' }
