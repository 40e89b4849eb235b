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
  /**
   * Polls out of turn, because traffic failed: right after the poll that is running, if any, whose pauses are cut short. While
   * polls fail and the instance is not down yet the next one follows at once, `most` in all. One that passes, or says nothing
   * of the instance, ends it.
   */
  pollNow(id: string, most: number): void
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
  /** Traffic failed there: polls follow each other, and so do the tries of one. */
  urgent: boolean
  /** Polls of such a series that may still come. */
  left: number
  /** Asked for while a poll was running: that one may have begun before. */
  again: boolean
  /** The first turn of a schedule has not come yet. */
  fresh: boolean
  /** It came while a poll of the schedule before was running, and is made up for. */
  owed: boolean
  /** Ends the pause between two tries. */
  hurry: (() => void) | undefined
}

/** In a series of polls that follow each other: from one to the next, and between the tries of one at most. */
const SERIES_PAUSE_MS = 20
const SERIES_RETRY_MS = 5

export function createPoller(
  registry: Pick<Registry, 'started' | 'observe' | 'status'>,
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
    if (item === undefined) return
    if (!item.busy) return begin(item, dueAt)
    // The next one of a schedule that is new may be far off, and what runs goes by the config before.
    if (item.fresh) item.owed = true
    else meter.skipped()
  }

  function begin(item: Polled, dueAt: number): void {
    item.busy = true
    item.fresh = item.owed = false
    const cycle = run(item, dueAt)
      .catch((error: unknown) => log.error({ err: error, instance: item.server.spec.id }, 'a poll threw'))
      .finally(() => {
        running.delete(cycle)
        item.busy = item.urgent = false
        item.left = 0
        if (item.owed && !item.abort.signal.aborted) begin(item, clock.now())
      })
    running.add(cycle)
  }

  /** One poll, and those of a series that begins with it or while it runs. */
  async function run(item: Polled, dueAt: number): Promise<void> {
    const { signal } = item.abort
    if (!item.urgent) await poll(item, dueAt)
    while (item.left > 0 && !signal.aborted && !isDown(item)) {
      item.left--
      item.again = false
      const verdict = await poll(item, clock.now())
      if (item.again) continue
      if (verdict !== 'failed' || item.left === 0 || isDown(item)) return
      await pause(SERIES_PAUSE_MS, signal, clock)
    }
  }

  const isDown = (item: Polled): boolean => registry.status(item.server.spec.id)?.instance.health === 'down'

  /** Undefined: it was aborted. */
  async function poll(item: Polled, dueAt: number): Promise<TryResult['verdict'] | undefined> {
    const { signal } = item.abort
    await gate.enter()
    if (signal.aborted) return void gate.leave()
    const { server } = item
    const { spec, polling } = server
    const beganAt = clock.now()
    const startedAt = clock.wall()
    meter.started(Math.max(0, beganAt - dueAt))
    registry.started(spec.id, startedAt)
    let tries = 1
    let result = await probe(server, signal)
    while (result.verdict !== 'passed' && tries <= polling.retries && !signal.aborted) {
      await rest(item, polling.retryDelayMs)
      await gate.enter()
      if (signal.aborted) return void gate.leave()
      tries++
      result = await probe(server, signal)
    }
    if (signal.aborted) return undefined
    meter.finished(result.verdict)
    // The wall clock may have been set back meanwhile.
    const endedAt = startedAt + Math.round(clock.now() - beganAt)
    const { status, response, latencyMs } = result
    registry.observe(spec.id, { ...result, startedAt, endedAt, tries })
    history.appendPacket(
      { instance: spec.id, startedAt, endedAt, status, response, latencyMs, tries },
      polling.packetLimit,
    )
    return result.verdict
  }

  /** Between two tries; short in a series, also when that begins meanwhile. */
  async function rest(item: Polled, ms: number): Promise<void> {
    const { signal } = item.abort
    if (!item.urgent && ms > SERIES_RETRY_MS) {
      const hurry = new AbortController()
      item.hurry = () => hurry.abort()
      await pause(ms, AbortSignal.any([signal, hurry.signal]), clock)
      item.hurry = undefined
      if (!hurry.signal.aborted) return
    }
    await pause(Math.min(ms, SERIES_RETRY_MS), signal, clock)
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
        else
          polled.set(id, {
            server,
            abort: new AbortController(),
            busy: false,
            urgent: false,
            left: 0,
            again: false,
            fresh: true,
            owed: false,
            hurry: undefined,
          })
        if (kept) continue
        if (known) known.fresh = true
        cron.remove(id)
        if (frequency.kind === 'cron') cron.add(id, frequency.expression)
        fresh.push([id, frequency.kind === 'every' ? frequency.ms : null])
      }
      wheel.add(fresh)
    },

    pollNow(id, most) {
      const item = polled.get(id)
      if (item === undefined) return
      item.urgent = item.again = true
      item.left = Math.max(item.left, most)
      if (!item.busy) return begin(item, clock.now())
      item.hurry?.()
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
