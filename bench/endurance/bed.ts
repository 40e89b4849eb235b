// What every run begins with: origins in processes of their own, and the built gateway with one worker before them.
import { fileURLToPath } from 'node:url'
import type { Cleanup } from '../../test/kit/process.js'
import { type Serverpy, startServerpy } from '../../test/kit/serverpy.js'
import { waitFor } from '../../test/kit/wait.js'
import { request } from '../../test/kit/http.js'
import { type Part, startPart } from './parts/calls.js'
import type { OriginCalls } from './parts/origin.js'
import { watchWorker, type WorkerWatch } from './worker-watch.js'

export interface Origin extends Part<OriginCalls> {
  readonly address: string
}

export interface Bed {
  readonly gateway: Serverpy
  readonly port: number
  readonly worker: WorkerWatch
}

export interface BedPlan {
  readonly processor?: Record<string, unknown>
  /** By name, each with the origin behind it; it answers below `/NAME`. */
  readonly services: Readonly<Record<string, { readonly address: string; readonly more?: Record<string, unknown> }>>
}

/** A part's file, beside this one. */
export function part<Calls>(t: Cleanup, name: string): Part<Calls> {
  return startPart<Calls>(t, fileURLToPath(new URL(`./parts/${name}.ts`, import.meta.url)))
}

export async function startOrigin(t: Cleanup): Promise<Origin> {
  const origin = part<OriginCalls>(t, 'origin')
  const port = await origin.ask('listen')
  return { ...origin, address: `127.0.0.1:${port}` }
}

export async function startBed(t: Cleanup, { processor, services }: BedPlan): Promise<Bed> {
  // A connect is enough for a poll: it says nothing about whether the process behind it runs or is stopped.
  const polling = { method: 'tcp', frequency: '1s', timeout: '900ms' }
  const gateway = await startServerpy(t, {
    processor: { host: '127.0.0.1', ...processor, workers: 1 },
    services: Object.fromEntries(
      Object.entries(services).map(([name, { address, more }]) => [
        name,
        { servers: [address], polling, apis: [`/${name}`], ...more },
      ]),
    ),
  })
  for (const name of Object.keys(services)) {
    const path = `/${name}/echo/ready`
    await waitFor(async () => (await request(gateway.processorPort, 'GET', path)).text() === 'ready', { what: path })
  }
  return { gateway, port: gateway.processorPort, worker: await watchWorker(gateway) }
}
