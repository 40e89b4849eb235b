// /api/v1/drain, undrain, down, up: what an operator says of an instance, and when it is safe to stop it.
import type { Request, Response } from 'express'
import { pause } from '../../../shared/clock.js'
import { closest } from '../../../shared/config/suggest.js'
import type { Override, Snapshot } from '../../../shared/registry/instance.js'
import type { InstanceStatus } from '../../registry/status.js'
import { requireChanger } from '../access.js'
import type { ApiDeps } from '../deps.js'
import { sendJson, type Endpoint } from '../endpoint.js'
import { ApiProblem } from '../problem.js'
import { readQuery } from '../query.js'
import type { Settle } from '../settle.js'

const MOST_WAIT_SECONDS = 3_600
/** Between two looks at what still runs. */
const LOOK_MS = 50
/** After a start, processors that run apart are back within so long; before, nobody knows what they do. */
const UNHEARD_MS = 6_000

export interface Overrides {
  readonly drain: Endpoint
  readonly undrain: Endpoint
  readonly down: Endpoint
  readonly up: Endpoint
  /** Answers those who wait. */
  close(): void
}

export function createOverrides(deps: ApiDeps, settle: Settle): Overrides {
  const { registry, traffic, lifecycle, clock } = deps
  const startedAt = clock.now()
  const closing = new AbortController()

  function endpoint(next: (before: Override | undefined) => Override | undefined, mayWait: boolean): Endpoint {
    return async (req, res) => {
      requireChanger(req, deps.config.discovery.token)
      const query = readQuery(req, mayWait ? ['instance', 'wait'] : ['instance'])
      const id = query.text('instance')
      if (id === undefined) throw new ApiProblem(400, 'instance: is missing: the id of one', { field: 'instance' })
      const waitMs = 1000 * (mayWait ? (query.integer('wait', { min: 0, max: MOST_WAIT_SECONDS }) ?? 0) : 0)
      const { override } = statusOf(id).instance
      const wanted = next(override)
      registry.setOverride(id, wanted)
      registry.flush()
      const since = registry.current
      if (wanted === 'drain') await emptied(id, since, waitMs, whileAsked(req, res, waitMs))
      else await settle.counts()
      if (!res.destroyed) sendJson(res, answerFor(id, since))
    }
  }

  /** Resolves when nothing runs at a drained instance, when the time is up, or when its drain has ended otherwise. */
  async function emptied(id: string, since: Snapshot, waitMs: number, signal: AbortSignal): Promise<void> {
    const until = clock.now() + waitMs
    for (;;) {
      await settle.counts()
      const leftMs = until - clock.now()
      if (isEmpty(id, since) || leftMs <= 0 || signal.aborted) return
      if (registry.status(id)?.instance.override !== 'drain') return
      await pause(Math.min(LOOK_MS, leftMs), signal, clock)
    }
  }

  function isEmpty(id: string, since: Snapshot): boolean {
    const { processor, processorExpected } = lifecycle
    const heard = processorExpected ? processor !== undefined : clock.now() - startedAt >= UNHEARD_MS
    const { inFlight, behind } = traffic.inFlight(id, since)
    return heard && inFlight === 0 && behind === 0
  }

  /** Aborted when nobody waits for the answer any more. */
  function whileAsked(req: Request, res: Response, waitMs: number): AbortSignal {
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    // The listener cuts connections that are silent for a minute; this one is, on purpose.
    req.socket.setTimeout(waitMs + 60_000)
    return AbortSignal.any([gone.signal, closing.signal])
  }

  function statusOf(id: string): InstanceStatus {
    const status = registry.status(id)
    if (status !== undefined) return status
    const near = nearest(
      id,
      registry.current.instances.map((instance) => instance.id),
    )
    throw new ApiProblem(404, `there is no such instance${near === undefined ? '' : `; did you mean ${near}?`}`)
  }

  function answerFor(id: string, since: Snapshot) {
    const { override, health } = statusOf(id).instance
    return {
      instance: id,
      override: override ?? null,
      state: override === undefined ? 'up' : override === 'drain' ? drainState(id, since) : 'down',
      in_flight: traffic.live(id).inFlight,
      health,
    }
  }

  const drainState = (id: string, since: Snapshot) => (isEmpty(id, since) ? 'safe to stop' : 'draining')

  return {
    drain: endpoint(() => 'drain', true),
    undrain: endpoint((before) => (before === 'drain' ? undefined : before), false),
    down: endpoint(() => 'out-of-service', false),
    up: endpoint(() => undefined, false),
    close: () => closing.abort(),
  }
}

/** One that `given` may stand for: it is a part of its id, or a misspelling of it. */
function nearest(given: string, ids: readonly string[]): string | undefined {
  const part = given.replace(/^https?:\/\//i, '').replace(/\/+$/, '')
  return (part === '' ? undefined : ids.find((id) => id.includes(part))) ?? closest(given, ids)
}
