// Takes answers into the store, and renews those that are there.
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'
import { FieldLines } from '../../field-lines.js'
import type { AnswerHead } from '../pipe.js'
import { Capture } from './capture.js'
import type { Disk } from './disk.js'
import { Entry, type Place } from './entry.js'
import type { Pending } from './pending.js'
import { judge, servesOthers, type Terms } from './policy.js'
import type { Store } from './store.js'
import { linesNamed, ownText, storedLines, updatedLines } from './stored-lines.js'
import { selectedFor, selectingFields } from './vary.js'

export interface StoringDeps {
  readonly store: Store
  readonly disk: Disk | undefined
  readonly now: () => number
  readonly failed: (error: Error) => void
  /** It is in the store now, or in the place of another one. */
  readonly held: (entry: Entry) => void
}

/** A request, as far as it counts for its answer. */
export type Asked = Pick<
  Pending,
  'key' | 'wishes' | 'fields' | 'route' | 'service' | 'placeTarget' | 'askedAt' | 'void'
>

/** What an answer leaves in the store, but for its body. */
interface Head {
  readonly place: Place
  readonly status: number
  readonly lines: string
  readonly terms: Terms
  readonly asIs: boolean
}

/** Bodies on their way into the store take no more than this share of what it may hold. */
const SHARE_UNDERWAY = 4

export class Storing {
  stored = 0
  storedBytes = 0
  private readonly budget: { left: number }
  /** Requests whose answers are on their way. */
  private readonly underway = new Set<{ readonly key: string; void: boolean }>()
  private closed = false

  constructor(
    private readonly options: CacheOptions,
    private readonly deps: StoringDeps,
  ) {
    this.budget = { left: Math.max(options.entryBytes, Math.floor(options.bytes / SHARE_UNDERWAY)) }
  }

  /** Begins to store an answer to GET. False: it must not, or cannot, be stored. */
  take(pending: Pending, answer: AnswerHead, asIs: boolean): boolean {
    const { flight } = pending
    if (answer.error !== undefined || pending.void) return false
    if (answer.length !== undefined && answer.length > this.options.entryBytes) return false
    const method = pending.kind === 'change' ? 'POST' : 'GET'
    const head = this.headOf(pending, answer.status, answer.headers, asIs && answer.from === 'instance', method)
    if (head === undefined) return false
    // Who waits need not wait for the body.
    if (!servesOthers(head.terms, this.deps.now())) flight?.land('alone')
    pending.storing = true
    this.underway.add(pending)
    const capture = new Capture(this.options.entryBytes, this.budget, (body) => {
      if (body === undefined) {
        this.underway.delete(pending)
        return flight?.land(capture.tooLong ? 'alone' : 'gone')
      }
      this.put(head, body, pending, (kept) => flight?.land(kept ? 'stored' : 'alone'))
    })
    answer.watch(capture)
    return true
  }

  /** Stores an answer that has come whole already. False as for `take`. */
  takeWhole(asked: Asked, status: number, fields: FieldLines, body: Buffer): boolean {
    const head =
      asked.void || body.length > this.options.entryBytes ? undefined : this.headOf(asked, status, fields, true)
    if (head === undefined) return false
    this.underway.add(asked)
    this.put(head, body, asked, () => undefined)
    return true
  }

  private headOf(asked: Asked, status: number, fields: FieldLines, asIs: boolean, method = 'GET'): Head | undefined {
    const terms = this.judge(asked, status, fields, method)
    if (terms === undefined) return undefined
    const place = this.placeOf(asked, fields)
    if (place === undefined) return undefined
    const lines = ownText(storedLines(fields.text, terms.dropped, () => new Date().toUTCString()))
    return { place, status, lines, terms, asIs }
  }

  private judge(asked: Asked, status: number, fields: FieldLines, method = 'GET'): Terms | undefined {
    const { wishes, fields: request, askedAt } = asked
    const authorized = request.has('authorization')
    const { directives: requestDirectives } = wishes
    const answeredAt = this.deps.now()
    const judged = {
      method,
      requestDirectives,
      authorized,
      status,
      fields,
      askedAt,
      answeredAt,
      wallMs: Date.now(),
    }
    return judge(judged, this.options)
  }

  private placeOf({ key, route, service, placeTarget, fields }: Asked, answer: FieldLines): Place | undefined {
    const names = selectingFields(answer.get('vary'), this.options.key.headers)
    const values = names && selectedFor(names, fields)
    if (names === undefined || values === undefined) return undefined
    return { key: ownText(key), route, service, target: ownText(placeTarget), names, values }
  }

  /** `done`: with false where there is no room for it, and will not be. */
  private put(head: Head, body: Buffer, asked: Asked, done: (kept: boolean) => void): void {
    const { disk, failed } = this.deps
    const fromBytes = this.options.disk?.fromBytes ?? Infinity
    if (disk === undefined || body.length < fromBytes) {
      this.underway.delete(asked)
      return done(asked.void || this.add(head, body))
    }
    let kept = true
    disk
      .save(body)
      .then((file) => {
        if (asked.void || this.closed) disk.release(file)
        else kept = this.add(head, file)
      })
      .catch((error: Error) => {
        kept = false
        failed(error)
      })
      .finally(() => {
        this.underway.delete(asked)
        done(kept)
      })
      .catch(failed)
  }

  private add({ place, status, lines, terms, asIs }: Head, body: Entry['body']): boolean {
    const entry = new Entry(place, status, lines, body, terms, new FieldLines(lines), Date.now(), asIs)
    if (!this.deps.store.add(entry)) return false
    this.stored++
    this.storedBytes += entry.bytes + (entry.onDisk?.length ?? 0)
    this.deps.held(entry)
    return true
  }

  /**
   * A 304 says that `entry` is still good: returns what is stored in its place, or would be. It is out of the store where
   * the 304 is about another answer, or forbids that it is kept.
   */
  renew(entry: Entry, asked: Asked, update: FieldLines, asIs: boolean): Entry {
    const tag = update.get('etag')
    const next = this.updated(entry, asked, update, asIs)
    if (
      next !== undefined &&
      !asked.void &&
      (tag === undefined || entry.etag === undefined || sameTag(tag, entry.etag))
    ) {
      this.replace(entry, next)
      return next
    }
    this.deps.store.remove(entry)
    return next ?? entry
  }

  private replace(entry: Entry, next: Entry): void {
    this.deps.store.renew(entry, next)
    if (next.stored) this.deps.held(next)
  }

  /** RFC 9111 section 4.3.5: the answer to a HEAD tells whether what is stored is still the same. */
  renewByHead(entry: Entry, asked: Asked, { headers, length }: AnswerHead, asIs: boolean): void {
    const tag = headers.get('etag')
    const modified = headers.get('last-modified')
    const same =
      (tag === undefined || tag === entry.etag) &&
      (modified === undefined || modified === entry.modified) &&
      (length === undefined || length === entry.length)
    const next = same && entry.status === 200 && !asked.void ? this.updated(entry, asked, headers, asIs) : undefined
    if (next === undefined) entry.expire(this.deps.now())
    else this.replace(entry, next)
  }

  private updated(entry: Entry, asked: Asked, update: FieldLines, asIs: boolean): Entry | undefined {
    const dropped = this.options.setCookie ? [] : ['set-cookie']
    const lines = ownText(updatedLines(entry.lines, update.text, dropped))
    const fields = new FieldLines(lines)
    const terms = this.judge(asked, entry.status, new FieldLines(lines + linesNamed(update.text, 'age')))
    const place = this.placeOf(asked, fields)
    if (terms === undefined || place === undefined) return undefined
    return new Entry(place, entry.status, lines, entry.body, terms, fields, Date.now(), asIs)
  }

  /** A request whose answer may be stored later: voided by a change until the returned function is called. */
  watch(asked: Pick<Asked, 'key' | 'void'>): () => void {
    this.underway.add(asked)
    return () => void this.underway.delete(asked)
  }

  /** What is on its way may be from before a change. */
  voidWhere(chosen: (key: string) => boolean): void {
    for (const asked of this.underway) if (chosen(asked.key)) asked.void = true
  }

  close(): void {
    this.closed = true
  }
}

/** By weak comparison (RFC 9110 section 8.8.3.2). */
function sameTag(a: string, b: string): boolean {
  return a.replace(/^W\//, '') === b.replace(/^W\//, '')
}
