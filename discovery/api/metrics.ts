// /metrics: traffic, health, polling, store and processes as Prometheus reads them.
import type { ApiDeps } from './deps.js'
import type { Endpoint } from './endpoint.js'
import { createExposition, EXPOSITION_TYPE } from './exposition.js'
import { createAdmission } from './metrics/admission.js'
import { writeInstances } from './metrics/instances.js'
import { writeListeners } from './metrics/listeners.js'
import { createLoopLag } from './metrics/loop-lag.js'
import { writePipes } from './metrics/pipes.js'
import { writeProcess, writeWorkers } from './metrics/processes.js'
import { writeRegistry, writeReloads, writeStore } from './metrics/registry.js'
import { oneAtATime } from './metrics/rounds.js'
import { takeScrape } from './metrics/scrape.js'
import { writeServices, writeTraffic } from './metrics/traffic.js'
import { readQuery } from './query.js'
import type { Settle } from './settle.js'

export interface Metrics {
  readonly endpoint: Endpoint
  close(): void
}

export function createMetrics(deps: ApiDeps, settle: Settle): Metrics {
  const lag = createLoopLag()
  const admit = createAdmission()

  async function scrape(): Promise<Buffer> {
    await settle.counts()
    const to = createExposition()
    const scrape = takeScrape(deps)
    writeTraffic(to, scrape)
    writeServices(to, scrape)
    writeInstances(to, scrape, admit(scrape.instances))
    writePipes(to, deps)
    writeRegistry(to, scrape)
    writeReloads(to, deps.lifecycle.configReloads)
    writeStore(to, deps)
    writeListeners(to, deps)
    writeWorkers(to, deps)
    writeProcess(to, deps, lag)
    return to.bytes()
  }

  const text = oneAtATime(scrape)
  return {
    async endpoint(req, res) {
      readQuery(req, [])
      res.set('Content-Type', EXPOSITION_TYPE).send(await text())
    },
    close: () => lag.close(),
  }
}
