// A request that goes to the service: what is needed when its answer comes.
import { FieldLines } from '../../field-lines.js'
import type { PipeExchange } from '../pipe.js'
import type { Entry } from './entry.js'
import type { Flight } from './flights.js'
import type { Wishes } from './wishes.js'

/** Why a request is not answered from the store: parameter `fwd` of Cache-Status. */
export type Reason = 'uri-miss' | 'vary-miss' | 'stale' | 'request' | 'method' | 'bypass'

/** `fetch`: its answer may be stored. `head`: may renew one. `change`: makes some useless. `pass`: nothing of that. */
export type Kind = 'fetch' | 'head' | 'change' | 'pass'

export class Pending {
  /** The request as it came here. */
  readonly fields: FieldLines
  readonly route: string
  readonly service: string
  readonly target: string
  /** It asks whether `entry` is still good. */
  validating = false
  /** The request's field lines as they went on from here. */
  sent: string
  /** What comes must not be stored: it may be older than a change. */
  void = false
  /** As `Selection.flightName` calls it, where it went on alone; empty where that says nothing about others. */
  name = ''
  /** The answer is on its way into the store, which tells the flight. */
  storing = false

  constructor(
    readonly kind: Kind,
    readonly reason: Reason,
    readonly key: string,
    readonly wishes: Wishes,
    /** What is stored for it, though it cannot be used as it is. */
    readonly entry: Entry | undefined,
    /** Others may wait for its answer. */
    readonly flight: Flight | undefined,
    /** Of its place in the store. */
    readonly placeTarget: string,
    /** Monotonic milliseconds. */
    readonly askedAt: number,
    { headers, route, service, target }: PipeExchange,
  ) {
    this.fields = new FieldLines(headers.text)
    this.sent = headers.text
    this.route = route
    this.service = service
    this.target = target
  }
}

/** Pipes behind have left the request as it went on from here. */
export function wentAsIs({ service, target, sent }: Pending, x: PipeExchange): boolean {
  return x.service !== '' && x.service === service && x.target === target && x.headers.text === sent
}

export function reasonOf(entry: Entry | undefined, now: number, wishes: Wishes, others: boolean): Reason {
  if (entry !== undefined) return entry.terms.freshUntil > now && !entry.terms.checked ? 'request' : 'stale'
  if (wishes.fresh) return 'request'
  return others ? 'vary-miss' : 'uri-miss'
}

/** Lets a request ask only whether `entry` is still good, if that can be. What the client has itself is compared later. */
export function askWhether({ etag, modified }: Entry, { headers }: PipeExchange): boolean {
  if (etag === undefined && modified === undefined) return false
  headers.delete('if-none-match')
  headers.delete('if-modified-since')
  if (etag !== undefined) headers.set('If-None-Match', etag)
  if (modified !== undefined) headers.set('If-Modified-Since', modified)
  return true
}
