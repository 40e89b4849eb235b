// /stats: the seed's fields for every instance, its packets, and beside them the health and the requests of the services.
import type { Endpoint } from './endpoint.js'
import { iso } from './endpoint.js'
import type { InstanceStatus } from '../registry/status.js'
import type { Packet } from '../store/store.js'
import type { ApiDeps } from './deps.js'
import { ApiProblem } from './problem.js'
import { readQuery } from './query.js'
import type { Settle } from './settle.js'
import { writeAll } from './stream.js'
import { countsByInstance, instanceFacts, isoOrNull, pipeViews, requestTotals, rounded, serviceViews } from './views.js'

const USUAL_PACKETS = 100
const PAGE = 1_000
/** Long answers cost memory and the store's time: so many are written at once. */
const MOST_READERS = 8

export function statsEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  let readers = 0
  return async (req, res) => {
    const query = readQuery(req, ['packets'])
    const limit =
      query.text('packets') === 'all'
        ? Infinity
        : (query.integer('packets', { min: 0, max: 1_000_000 }) ?? USUAL_PACKETS)
    res.set('Content-Type', 'application/json; charset=utf-8')
    if (req.method === 'HEAD') {
      res.end()
      return
    }
    if (readers >= MOST_READERS) {
      throw new ApiProblem(503, 'too many readers of /stats at once', { headers: { 'Retry-After': '1' } })
    }
    readers++
    try {
      await settle.history()
      await writeAll(statsText(limit, deps), res)
    } finally {
      readers--
    }
  }
}

/**
 * The JSON text of the answer in pieces; `limit` packets per instance, the newest, oldest first. Packets that cannot be
 * read are left out, for an instance is worth showing without them, or make the whole text `fail`.
 */
export async function* statsText(limit: number, deps: ApiDeps, unreadable?: 'fail'): AsyncGenerator<string> {
  const counts = countsByInstance(deps)
  let separator = ''
  yield `{"generated_at":${JSON.stringify(iso(deps.clock.wall()))},"service_statistics":[`
  for (const status of deps.registry.statuses()) {
    const fields = JSON.stringify({
      instance_url: status.instance.url,
      service_name: status.instance.service,
      check_start_time: isoOrNull(status.checkStartedAt),
      last_checked_at: isoOrNull(status.lastCheckedAt),
      last_failure: isoOrNull(status.lastFailureAt),
      packet_limit: status.polling.packetLimit,
      ...instanceFacts(status, counts.get(status.instance.id), deps),
    })
    yield `${separator}${fields.slice(0, -1)},"stats_packets":[`
    yield* packetsText(status, limit, deps, unreadable)
    yield ']}'
    separator = ','
  }
  const end = JSON.stringify({
    services: serviceViews(deps),
    requests: requestTotals(deps),
    pipes: pipeViews(deps),
    store: storeView(deps),
  })
  yield `],${end.slice(1)}`
}

async function* packetsText(
  status: InstanceStatus,
  limit: number,
  deps: ApiDeps,
  unreadable: 'fail' | undefined,
): AsyncGenerator<string> {
  let separator = ''
  try {
    for await (const packets of oldestFirst(status, Math.min(limit, status.polling.packetLimit), deps)) {
      if (packets.length === 0) continue
      yield separator + packets.map((packet) => JSON.stringify(packetView(packet))).join(',')
      separator = ','
    }
  } catch (error) {
    if (unreadable === 'fail') throw error
    deps.log.warn({ instance: status.instance.id, reason: String(error) }, 'the packets cannot be read')
  }
}

/**
 * Pages with the newest `limit` packets, turned round. The store pages from the newest, so the way back to the oldest is
 * walked first and only its cursors are kept: two pages at most are in memory, however many packets there are.
 */
async function* oldestFirst(status: InstanceStatus, limit: number, deps: ApiDeps): AsyncGenerator<readonly Packet[]> {
  if (limit === 0) return
  const { history } = deps.store
  const id = status.instance.id
  const newest = await history.packets(id, { limit: Math.min(PAGE, limit) })
  const later: { readonly limit: number; readonly cursor: string }[] = []
  let cursor = newest.cursor
  let left = limit - newest.items.length
  let oldest = newest.items
  while (cursor !== undefined && left > 0) {
    const page = { limit: Math.min(PAGE, left), cursor }
    const found = await history.packets(id, page)
    later.push(page)
    oldest = found.items
    left -= found.items.length
    cursor = found.items.length === 0 ? undefined : found.cursor
  }
  if (later.pop() !== undefined) yield oldest.toReversed()
  for (const page of later.toReversed()) yield (await history.packets(id, page)).items.toReversed()
  yield newest.items.toReversed()
}

/** A packet under the seed's names, with what we know beside them. */
export function packetView(packet: Packet) {
  return {
    start_time: iso(packet.startedAt),
    end_time: iso(packet.endedAt),
    final_status: packet.status,
    response: packet.response,
    latency_ms: rounded(packet.latencyMs),
    tries: packet.tries,
  }
}

function storeView(deps: ApiDeps) {
  const health = deps.store.health()
  return health.ok ? { ok: true } : { ok: false, reason: health.reason, since: iso(health.since) }
}
