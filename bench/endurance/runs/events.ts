// Server-sent events: each must be with the client while its stream is still open, and none may wait for the next.
import type { Cleanup } from '../../../test/kit/process.js'
import { part, startBed, startOrigin } from '../bed.js'
import { atMost, type Check, exactly, timed } from '../check.js'
import type { EventsCalls } from '../parts/events-client.js'

export interface EventsSize {
  readonly streams: number
  readonly events: number
  readonly everyMs: number
}

const MOST_MS = 50

export async function events(t: Cleanup, { streams, events, everyMs }: EventsSize): Promise<Check[]> {
  const { port, worker } = await startBed(t, { services: { s: await startOrigin(t) } })
  const client = part<EventsCalls>(t, 'events-client')
  const path = `/s/events/${events}/${everyMs}`
  // The first of all pays for compiling in three processes.
  await client.ask('read', { port, path: '/s/events/2/10', streams: 5, events: 2 })
  const seen = await client.ask('read', { port, path, streams, events })
  const { inFlight } = await worker.settled(2000)
  return [
    exactly('events received', seen.received, streams * events),
    exactly('streams that were open when their first event came', seen.openAtFirst, streams),
    timed(atMost(`first event of ${streams} streams at once, the slowest`, seen.firstMs, MOST_MS, 'ms', 1)),
    timed(atMost(`later events, one each ${everyMs} ms, the slowest`, seen.laterMs, MOST_MS, 'ms', 1)),
    exactly('in flight afterwards', inFlight, 0),
    await worker.soundness(),
  ]
}
