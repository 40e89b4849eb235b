// What reached the origins, read by servers of every kind, against what was allowed to.
import { type Arrival, type HostileCase, type PreparedCase, show } from './case.js'
import type { Lane } from './lane.js'
import { disagreements } from './reading/compare.js'
import { STRICT } from './reading/dialect.js'
import { faultsOfRequest } from './reading/invariants.js'
import { pathReadings } from './reading/path.js'
import { read, type Reading, type ReadMessage } from './reading/read.js'
import type { RecordedConnection } from './recorder.js'

/** How much of each connection had been read when a case began. */
export type Marks = ReadonlyMap<RecordedConnection, number>

export function marksOf(lane: Lane): Marks {
  const marks = new Map<RecordedConnection, number>()
  for (const { connections } of lane.origins.values())
    for (const connection of connections) marks.set(connection, connection.bytes.length)
  return marks
}

interface Stream {
  readonly service: string
  readonly authority: string
  readonly bytes: string
  readonly closed: boolean
}

/** Every connection on which something has come since. */
export function streamsSince(lane: Lane, marks: Marks): Stream[] {
  return [...lane.origins].flatMap(([service, { connections, authority }]) =>
    connections
      .map((connection) => ({
        service,
        authority,
        bytes: connection.bytes.slice(marks.get(connection) ?? 0),
        closed: connection.closed,
      }))
      .filter(({ bytes }) => bytes !== ''),
  )
}

/** `expected`: all that may and must have arrived; `tunnelled`: what follows the last of it in another protocol. */
export function faultsOfStreams(
  streams: readonly Stream[],
  expected: readonly Arrival[],
  hostile: PreparedCase,
  lane: Lane,
): string[] {
  const missing = [...expected]
  const faults: string[] = []
  for (const stream of streams) {
    const { messages, ends, bytes, tunnel } = readStream(stream, hostile)
    if (tunnel !== hostile.tunnel?.toOrigin && tunnel !== undefined)
      faults.push(`through the tunnel the origin got ${show(tunnel)}`)
    faults.push(...disagreements(bytes))
    if (ends === 'in garbage') faults.push(`what is no request reached the origin of ${stream.service}`)
    if (ends === 'within') faults.push(...faultsOfRest(stream, hostile))
    if (hostile.retires === true && messages.slice(0, -1).some(({ start }) => start.includes(hostile.id)))
      faults.push('the connection that had bytes for nobody was used again')
    for (const message of messages) {
      const at = missing.findIndex((arrival) => isIt(arrival, message, stream.service))
      const arrival = at >= 0 ? missing.splice(at, 1)[0] : repeated(message, stream.service, expected, hostile)
      if (arrival === undefined)
        faults.push(`nobody sent this to ${stream.service}: ${show(message.head + message.body)}`)
      else faults.push(...faultsOfArrival(message, arrival, stream, hostile, lane))
    }
  }
  return [...faults, ...missing.map(({ method, target }) => `${method} ${[target].flat().join(' or ')} did not arrive`)]
}

interface StreamReading extends Reading {
  readonly bytes: string
  /** What followed the request that led to another protocol. */
  readonly tunnel?: string
}

function readStream({ bytes }: Stream, hostile: PreparedCase): StreamReading {
  const reading = read(bytes, STRICT)
  const at = reading.messages.findIndex(({ start }) => start.includes(hostile.id))
  const last = reading.messages[at]
  if (hostile.expect !== 'switches' || last === undefined) return { ...reading, bytes }
  const messages = reading.messages.slice(0, at + 1)
  return { ...reading, messages, ends: 'between', bytes: bytes.slice(0, last.end), tunnel: bytes.slice(last.end) }
}

function faultsOfRest({ service, closed }: Stream, { breaksOff = false, expect }: HostileCase): string[] {
  if (!closed) return [`a connection to ${service} stays open within a request`]
  const allowed = breaksOff || expect === 'abandoned'
  return allowed ? [] : [`the beginning of a request reached ${service}`]
}

function isIt({ method, target, body = '', service = 'app' }: Arrival, message: ReadMessage, at: string): boolean {
  const [gotMethod, gotTarget] = message.start.split(' ')
  return service === at && method === gotMethod && [target].flat().includes(gotTarget ?? '') && body === message.body
}

/** An idempotent request may be tried again where the origin broke the connection: only a script does that. */
function repeated(
  message: ReadMessage,
  service: string,
  expected: readonly Arrival[],
  { script }: HostileCase,
): Arrival | undefined {
  if (script === undefined) return undefined
  return expected.find((arrival) => /^(GET|HEAD|PUT|DELETE)$/.test(arrival.method) && isIt(arrival, message, service))
}

function faultsOfArrival(
  message: ReadMessage,
  arrival: Arrival,
  stream: Stream,
  hostile: HostileCase,
  lane: Lane,
): string[] {
  const hosts = 'host' in arrival ? [arrival.host].flat() : ['gate.test']
  const hop = {
    authority: stream.authority,
    hosts,
    upgrades: hostile.expect === 'switches' || hostile.mayUpgrade === true,
  }
  const lines = message.fields.map(({ name, value }) => `${name}: ${value}`)
  const names = [...message.fields, ...message.trailers].map(({ name }) => name.replaceAll('_', '-'))
  const target = message.start.split(' ')[1] ?? ''
  const elsewhere = pathReadings(target).find((path) => !lane.serves(stream.service, path) && target !== '*')
  return [
    ...faultsOfRequest(message, hop),
    ...(arrival.has ?? []).filter((line) => !lines.includes(line)).map((line) => `"${line}" did not arrive`),
    ...(arrival.lacks ?? []).filter((name) => names.includes(name)).map((name) => `${name} was passed on`),
    ...(elsewhere === undefined
      ? []
      : [`an origin may read ${target} as ${show(elsewhere)}, which is not of ${stream.service}`]),
  ]
}
