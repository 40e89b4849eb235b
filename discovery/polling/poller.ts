// Polls every instance on its schedule and tells the registry and the history what came of it.
import { isDeepStrictEqual } from 'node:util'
import { pause, type Clock } from '../../shared/clock.js'
import type { DiscoveryConfig, ServerConfig } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import type { Registry } from '../registry/status.js'
import type { HistoryStore } from '../store/store.js'
import { createCronGroups } from './cron.js'
import { createGate } from './gate.js'
import { interleave } from './interleave.js'
import { createMeter, type PollerStats } from './meter.js'
import type { Prober } from './probes/prober.js'
import type { TryResult } from './probes/probe.js'
import { createWheel } from './wheel.js'

export interface Poller {
  /** Makes `servers` what is polled. Schedules of instances that stay as they are go on; newcomers are polled at once. */
  sync(servers: readonly ServerConfig[]): void
  /** Polls out of turn, e.g. because traffic failed; right after the poll that is running, if any. */
  pollNow(id: string): void
  stats(): PollerStats
  /** Aborts what is running; resolves when nothing is left. */
  close(): Promise<void>
}

export interface PollerDeps {
  readonly clock: Clock
  readonly log: Log
  /** 0 to 1, as Math.random. */
  readonly random: () => number
  readonly prober: Prober
  readonly history: Pick<HistoryStore, 'appendPacket'>
}

interface Polled {
  server: ServerConfig
  readonly abort: AbortController
  busy: boolean
  /** A poll was asked for while one was running. */
  again: boolean
}

export function createPoller(
  registry: Pick<Registry, 'started' | 'observe'>,
  options: DiscoveryConfig['polling'],
  deps: PollerDeps,
): Poller {
  const { clock, log, prober, history } = deps
  const polled = new Map<string, Polled>()
  const running = new Set<Promise<void>>()
  const gate = createGate(options.concurrency)
  const meter = createMeter()
  const wheel = createWheel({ jitter: options.jitter, onDue: turn }, deps)
  const cron = createCronGroups((id) => turn(id, clock.now()), deps)

  function turn(id: string, dueAt: number): void {
    const item = polled.get(id)
    if (item?.busy) meter.skipped()
    else if (item) begin(item, dueAt)
  }

  function begin(item: Polled, dueAt: number): void {
    item.busy = true
    const cycle = poll(item, dueAt)
      .catch((error: unknown) => log.error({ err: error, instance: item.server.spec.id }, 'a poll threw'))
      .finally(() => {
        running.delete(cycle)
        item.busy = false
        if (item.again && !item.abort.signal.aborted) begin(item, clock.now())
        item.again = false
      })
    running.add(cycle)
  }

  async function poll(item: Polled, dueAt: number): Promise<void> {
    const { signal } = item.abort
    await gate.enter()
    if (signal.aborted) return gate.leave()
    const { server } = item
    const { spec, polling } = server
    const beganAt = clock.now()
    const startedAt = clock.wall()
    meter.started(Math.max(0, beganAt - dueAt))
    registry.started(spec.id, startedAt)
    let tries = 1
    let result = await probe(server, signal)
    while (result.verdict !== 'passed' && tries <= polling.retries && !signal.aborted) {
      await pause(polling.retryDelayMs, signal, clock)
      await gate.enter()
      if (signal.aborted) return gate.leave()
      tries++
      result = await probe(server, signal)
    }
    if (signal.aborted) return
    meter.finished(result.verdict)
    // The wall clock may have been set back meanwhile.
    const endedAt = startedAt + Math.round(clock.now() - beganAt)
    const { status, response, latencyMs } = result
    registry.observe(spec.id, { ...result, startedAt, endedAt, tries })
    history.appendPacket(
      { instance: spec.id, startedAt, endedAt, status, response, latencyMs, tries },
      polling.packetLimit,
    )
  }

  /** Inside the gate, which it leaves. */
  async function probe(server: ServerConfig, signal: AbortSignal): Promise<TryResult> {
    meter.probed()
    try {
      return await prober.probe(server, signal)
    } finally {
      gate.leave()
    }
  }

  function drop(id: string): void {
    polled.get(id)?.abort.abort()
    polled.delete(id)
    wheel.remove(id)
    cron.remove(id)
  }

  return {
    sync(servers) {
      const ids = new Set(servers.map(({ spec }) => spec.id))
      for (const id of [...polled.keys()]) if (!ids.has(id)) drop(id)
      const fresh: [id: string, everyMs: number | null][] = []
      for (const server of interleave(servers, ({ spec }) => spec.service)) {
        const { id } = server.spec
        const { frequency } = server.polling
        const known = polled.get(id)
        const kept = known && isDeepStrictEqual(known.server.polling.frequency, frequency)
        if (known) known.server = server
        else polled.set(id, { server, abort: new AbortController(), busy: false, again: false })
        if (kept) continue
        cron.remove(id)
        if (frequency.kind === 'cron') cron.add(id, frequency.expression)
        fresh.push([id, frequency.kind === 'every' ? frequency.ms : null])
      }
      wheel.add(fresh)
    },

    pollNow(id) {
      const item = polled.get(id)
      if (item?.busy) item.again = true
      else if (item) begin(item, clock.now())
    },

    stats: () => ({ instances: polled.size, inFlight: gate.inside, waiting: gate.waiting, ...meter.read() }),

    async close() {
      for (const id of [...polled.keys()]) drop(id)
      wheel.close()
      cron.close()
      await Promise.all(running)
    },
  }
}
