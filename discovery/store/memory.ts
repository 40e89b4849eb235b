// The store without a file: for trying things out and for tests; everything is gone with the process.
import type { Clock } from '../../shared/clock.js'
import type { RequestRecord } from '../../shared/metrics/report.js'
import { boundedEvent, boundedPacket, boundedRecord, pageSize, ringSize } from './bounds.js'
import { readCursor, writeCursor } from './cursor.js'
import { matches, scopeOf } from './filter.js'
import { createMemoryRings } from './memory-ring.js'
import { createMemoryRollups } from './memory-rollups.js'
import type {
  HistoryStore,
  Packet,
  Page,
  PageRequest,
  RegistryEvent,
  StateStore,
  Store,
  StoredInstance,
} from './store.js'

// Together below some 300 MB, however many instances there are.
const MOST_PACKETS = 500_000
const MOST_REQUESTS = 200_000
const MOST_EVENTS = 50_000
const EVENTS = 'events'

/** Keeps the contract up to a bound on all rows together; what falls out beyond it is counted in `dropped`. */
export function createMemoryStore(deps: { clock: Pick<Clock, 'wall'> }): Store {
  const instances = new Map<string, { readonly stored: StoredInstance; readonly writtenAt: number }>()
  const packets = createMemoryRings<Packet>(MOST_PACKETS)
  const requests = createMemoryRings<RequestRecord>(MOST_REQUESTS)
  const events = createMemoryRings<RegistryEvent>(MOST_EVENTS)
  const rollups = createMemoryRollups()
  let term = 0

  const state: StateStore = {
    load: async () => [...instances.values()].map(({ stored }) => stored),
    async put(some) {
      const lost: string[] = []
      for (const instance of some) {
        const version = instances.get(instance.id)?.stored.version ?? 0
        if (version !== instance.version - 1) lost.push(instance.id)
        else instances.set(instance.id, { stored: { ...instance }, writtenAt: deps.clock.wall() })
      }
      return lost
    },
    async remove(ids) {
      for (const id of ids) instances.delete(id)
    },
    nextTerm: async () => (term = Math.max(term + 1, Math.floor(deps.clock.wall()))),
  }

  const history: HistoryStore = {
    appendPacket: (packet, limit) => packets.add(packet.instance, boundedPacket(packet), ringSize(limit)),
    appendEvent: (event) => events.add(EVENTS, boundedEvent(event), MOST_EVENTS),
    appendRequests(records, limit) {
      for (const record of records) requests.add(ringOf(record), boundedRecord(record), ringSize(limit))
    },
    addCounts: (at, counts) => rollups.add(at, counts),

    async trimPackets(limits) {
      let removed = 0
      for (const [instance, limit] of limits) removed += packets.trim(instance, ringSize(limit))
      return removed
    },
    packets: async (instance, page) => pageOf(['packets', instance], page, packets.newest(instance), () => true),
    requests: async (filter, page) =>
      pageOf(scopeOf('requests', filter), page, requests.newest(filter.instance || undefined), matches(filter)),
    events: async (filter, page) =>
      pageOf(
        scopeOf('events', filter),
        page,
        events.newest(),
        (event) =>
          (filter.service === undefined || event.service === filter.service) &&
          (filter.instance === undefined || event.instance === filter.instance),
      ),
    rollups: async (filter) => rollups.read(filter),
    totals: async () => rollups.totals(),

    async prune(before) {
      let removed = requests.prune((record) => record.at < before.requests)
      removed += events.prune((event) => event.at < before.events)
      removed += rollups.prune(before.minutes, before.hours)
      const known = new Set(before.known)
      const named = new Set([...instances.keys(), ...packets.rings, ...requests.rings])
      for (const id of named) {
        if (known.has(id) || id.startsWith(NO_INSTANCE) || lastWrittenAt(id) >= before.gone) continue
        removed += packets.prune(() => true, id) + requests.prune(() => true, id)
        removed += instances.delete(id) ? 1 : 0
      }
      return removed
    },
  }

  function lastWrittenAt(id: string): number {
    const [packet] = packets.newest(id)
    const [request] = requests.newest(id)
    return Math.max(instances.get(id)?.writtenAt ?? 0, packet?.[1].endedAt ?? 0, request?.[1].at ?? 0)
  }

  return {
    state,
    history,
    health: () => ({ ok: true }),
    get dropped() {
      return packets.dropped + requests.dropped
    },
    flush: async () => undefined,
    close: async () => undefined,
  }
}

// No id of an instance begins like this.
const NO_INSTANCE = '\0'

function ringOf(record: RequestRecord): string {
  return record.instance === '' ? NO_INSTANCE + record.service : record.instance
}

function pageOf<T>(
  scope: readonly unknown[],
  page: PageRequest,
  rows: Iterable<readonly [number, T]>,
  passes: (value: T) => boolean,
): Page<T> {
  const limit = pageSize(page.limit)
  const below = page.cursor === undefined ? Infinity : readCursor(scope, page.cursor)
  const items: T[] = []
  let last = 0
  for (const [place, value] of rows) {
    if (place >= below || !passes(value)) continue
    // One row more than the page holds: there is a next page.
    if (items.length === limit) return { items, cursor: writeCursor(scope, last) }
    items.push(value)
    last = place
  }
  return { items }
}
