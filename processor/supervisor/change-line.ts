// One line of discovery's change stream, checked before the routing of requests depends on it.
import type { Purge } from '../../shared/processor.js'
import type { Change } from '../../shared/registry/delta.js'
import { PRIORITIES, type Health, type Instance, type Override, type Snapshot } from '../../shared/registry/instance.js'

export type ChangeLine =
  | Change
  | { readonly kind: 'beat' }
  /** `number` is that of the last of them, or of the last before. */
  | { readonly kind: 'purged'; readonly number: number; readonly purges: readonly Purge[] }

const HEALTHS: readonly Health[] = ['up', 'down', 'unknown']
const OVERRIDES: readonly Override[] = ['drain', 'out-of-service']

/** Throws an Error that names what is wrong. Members that are not known here are left out. */
export function parseChangeLine(line: string): ChangeLine {
  const change = record(JSON.parse(line), 'line')
  switch (change.kind) {
    case 'beat':
      return { kind: 'beat' }
    case 'purged':
      return {
        kind: 'purged',
        number: whole(change.number, 'number'),
        purges: list(change.purges, 'purges').map(purgeOf),
      }
    case 'whole':
      return { kind: 'whole', snapshot: snapshotOf(record(change.snapshot, 'snapshot')) }
    case 'delta':
      return {
        kind: 'delta',
        term: whole(change.term, 'term'),
        seq: whole(change.seq, 'seq'),
        base: whole(change.base, 'base'),
        put: list(change.put, 'put').map(instanceOf),
        gone: list(change.gone, 'gone').map((id) => text(id, 'gone')),
      }
    default:
      throw new Error('the kind of the line is not known')
  }
}

function snapshotOf(snapshot: Fields): Snapshot {
  const instances = list(snapshot.instances, 'instances').map(instanceOf)
  return Object.freeze({
    term: whole(snapshot.term, 'term'),
    seq: whole(snapshot.seq, 'seq'),
    instances: Object.freeze(instances),
  })
}

function purgeOf(value: unknown): Purge {
  const one = record(value, 'purge')
  const kind = oneOf(one.kind, 'kind', ['all', 'url', 'prefix'] as const)
  return kind === 'all' ? { kind } : { kind, host: text(one.host, 'host'), target: text(one.target, 'target', 16_384) }
}

function instanceOf(value: unknown): Instance {
  const one = record(value, 'instance')
  const port = whole(one.port, 'port')
  if (port < 1 || port > 65_535) throw new Error('port is out of range')
  if (typeof one.secure !== 'boolean') throw new Error('secure is not a boolean')
  return Object.freeze({
    id: text(one.id, 'id'),
    service: text(one.service, 'service'),
    url: text(one.url, 'url'),
    secure: one.secure,
    host: ascii(one.host, 'host'),
    port,
    basePath: ascii(one.basePath, 'basePath'),
    priority: oneOf(one.priority, 'priority', PRIORITIES),
    weight: positive(one.weight, 'weight'),
    ...(one.zone === undefined ? {} : { zone: text(one.zone, 'zone') }),
    metadata: Object.freeze(texts(record(one.metadata, 'metadata'))),
    health: oneOf(one.health, 'health', HEALTHS),
    ...(one.override === undefined ? {} : { override: oneOf(one.override, 'override', OVERRIDES) }),
    since: positive(one.since, 'since'),
  })
}

type Fields = Readonly<Record<string, unknown>>

function record(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${name} is not an object`)
  return value as Fields
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${name} is not a list`)
  return value
}

// A line break or another control character in a host or a path could be taken for the end of a head.
function text(value: unknown, name: string, longest = 4_096): string {
  if (typeof value !== 'string' || value.length > longest || /\p{Cc}/u.test(value)) {
    throw new Error(`${name} is not a plain text`)
  }
  return value
}

/** For what becomes part of a head: written as Latin-1, a character beyond it would become another byte. */
function ascii(value: unknown, name: string): string {
  if (!/^[\x21-\x7e]*$/.test(text(value, name))) throw new Error(`${name} has characters that no address has`)
  return value as string
}

function texts(fields: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [text(key, 'metadata'), text(value, 'metadata')]),
  )
}

function whole(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Error(`${name} is not a whole number from 0`)
  return value as number
}

function positive(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new Error(`${name} is not a number from 0`)
  return value
}

function oneOf<T extends string>(value: unknown, name: string, known: readonly T[]): T {
  const found = known.find((one) => one === value)
  if (found === undefined) throw new Error(`${name} is not a known value`)
  return found
}
