// The cache as a pipe: answers from the store, sends on what it cannot answer, and looks at what comes back.
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'
import type { Purge } from '../../../shared/processor.js'
import type { AnswerHead, Pipe, PipeExchange, PipeTools, ProxyError, Reply } from '../pipe.js'
import { createDisk, tellingOf, type Disk } from './disk.js'
import type { Entry } from './entry.js'
import { type Flight, Flights, type Landing } from './flights.js'
import { changedUrls, isOwnContent, isSafe } from './invalidation.js'
import { createKeys, type Keys } from './keys.js'
import { Peers } from './peers.js'
import { askWhether, type Kind, Pending, type Reason, reasonOf, wentAsIs } from './pending.js'
import { announce } from './changes.js'
import { Counts } from './counts.js'
import { namedBy, type Purgeable, register } from './purge.js'
import { servesOthers } from './policy.js'
import { createRefresh } from './refresh.js'
import { createSelection, type Selection } from './selection.js'
import { createServing, NOT_STORED, type Serving } from './serving.js'
import { Store } from './store.js'
import { linesNamed } from './stored-lines.js'
import { Storing } from './storing.js'
import { isFailure, servesOnError, useOf } from './usable.js'
import { hasWishes, NO_WISHES, readWishes, type Wishes } from './wishes.js'

/** So often a request waits for another one, of those that do not end as they should. */
const MOST_ROUNDS = 4

export class CachePipe implements Pipe, Purgeable {
  private readonly unregister: () => void
  private readonly keys: Keys
  private readonly disk: Disk | undefined
  private readonly store: Store
  private readonly selection: Selection
  private readonly serving: Serving
  private readonly storing: Storing
  private readonly flights: Flights
  private readonly peers: Peers
  private readonly refresh: (entry: Entry, x: PipeExchange) => void
  private readonly pending = new Map<PipeExchange, Pending>()
  private readonly counts = new Counts()

  constructor(
    private readonly options: CacheOptions,
    private readonly tools: PipeTools,
  ) {
    const { key, disk, bytes, variants, status } = options
    this.unregister = register(this)
    this.keys = createKeys(key)
    const failed = tellingOf(tools)
    this.disk = disk === undefined ? undefined : createDisk(disk.path, failed)
    this.store = new Store({ bytes, diskBytes: disk?.bytes ?? 0, variants }, (file) => this.disk?.release(file))
    this.selection = createSelection(options, { keys: this.keys, store: this.store })
    this.serving = createServing(status, { disk: this.disk, lost: (entry) => this.store.remove(entry) })
    const held = (entry: Entry): void => this.peers.held(entry)
    this.storing = new Storing(options, { store: this.store, disk: this.disk, now: tools.now, failed, held })
    const own = { store: this.store, storing: this.storing, selection: this.selection, disk: this.disk }
    this.peers = new Peers(options, { tools, ...own })
    this.flights = new Flights({ now: tools.now, after: tools.after, others: () => this.peers.on })
    this.refresh = createRefresh(options, {
      ...own,
      tools,
      peers: this.peers,
      flightFor: (key, x) => this.flights.begin(this.selection.flightName(key, x)),
      validated: () => void this.counts.validated++,
    })
  }

  // ---- the request

  onRequest(x: PipeExchange): Reply | void | Promise<Reply | void> {
    const { method, headers } = x
    if (method !== 'GET' && method !== 'HEAD') {
      this.forward(x, isSafe(method) ? 'pass' : 'change', 'method', this.keyOf(x), NO_WISHES)
      return
    }
    const key = this.keyOf(x)
    // What a body asks for is in no key.
    if (x.bodyKind !== 'none') return void this.forward(x, 'pass', 'bypass', key, NO_WISHES)
    const wishes = hasWishes(headers.text) ? readWishes(headers, this.options.obeyClient) : NO_WISHES
    const entry = this.selection.find(key, x)
    return entry?.onDisk === undefined ? this.consider(x, key, entry, wishes) : this.fromDisk(x, key, entry, wishes)
  }

  /** Its file may have gone: that is found out before an answer has begun. */
  private async fromDisk(x: PipeExchange, key: string, entry: Entry, wishes: Wishes): Promise<Reply | void> {
    const { disk, store, selection } = this
    if (entry.onDisk !== undefined && !(await disk?.holds(entry.onDisk))) store.remove(entry)
    if (!x.signal.aborted) return this.consider(x, key, selection.find(key, x), wishes)
  }

  private keyOf({ secure, host, asked }: PipeExchange): string {
    return this.keys.of(secure, host, asked)
  }

  private hit(entry: Entry, x: PipeExchange, wishes: Wishes, now: number): Reply {
    this.counts.hits++
    this.store.touch(entry)
    return this.serving.serve(entry, x.method, wishes, now)
  }

  private consider(
    x: PipeExchange,
    key: string,
    entry: Entry | undefined,
    wishes: Wishes,
  ): Reply | void | Promise<Reply | void> {
    if (entry !== undefined && wishes === NO_WISHES && entry.terms.freshUntil > x.startedAt && !entry.terms.checked)
      return this.hit(entry, x, wishes, x.startedAt)
    // Who changes to another protocol stays, and nobody is to wait for that.
    if (wishes.forService || wishes.noStore || x.headers.has('sec-websocket-key'))
      return void this.forward(x, 'pass', 'bypass', key, wishes)
    const reply = this.answer(x, entry, wishes)
    if (reply !== undefined) return reply
    const { collapseMs } = this.options
    const name = this.selection.flightName(key, x)
    const part = wishes.range !== undefined || x.method === 'HEAD'
    if (part || wishes.onlyIfCached || collapseMs === 0 || wishes.fresh || x.headers.has('authorization')) {
      // What this kind of request is told says nothing about those who wait for each other.
      const own = `${name}\n\r`
      // Who wants it validated is helped with what another worker has, where nothing is here.
      const enough = wishes.fresh && entry !== undefined
      if (!this.peers.on || enough || this.flights.isApart(own)) return this.alone(x, key, wishes, entry)
      return this.peek(x, key, wishes, part ? '' : own)
    }
    if (this.flights.find(name) === undefined && (!this.peers.on || this.flights.isApart(name)))
      return void this.fetch(x, key, wishes, entry, this.flights.begin(name))
    return this.join(x, key, wishes, this.tools.now() + collapseMs)
  }

  /** Waits for nobody. */
  private alone(x: PipeExchange, key: string, wishes: Wishes, entry: Entry | undefined, name = ''): Reply | void {
    if (wishes.onlyIfCached) return NOT_STORED
    // Of a stale answer nobody refreshes a part, or a head.
    if (x.method === 'HEAD') this.forward(x, 'head', this.why(key, entry, wishes), key, wishes, entry)
    else this.fetch(x, key, wishes, entry).name = name
  }

  /** The same, but for what another worker has. `name`: of those whose answers say whether to ask for them again. */
  private async peek(x: PipeExchange, key: string, wishes: Wishes, name: string): Promise<Reply | void> {
    await this.peers.peek(key, x)
    if (x.signal.aborted) return
    const entry = this.selection.find(key, x)
    return this.answer(x, entry, wishes) ?? this.alone(x, key, wishes, entry, name)
  }

  /** From the store, if that can be: fresh, or stale while it is refreshed. */
  private answer(x: PipeExchange, entry: Entry | undefined, wishes: Wishes): Reply | undefined {
    if (entry === undefined) return undefined
    const now = this.tools.now()
    const use = useOf(entry, wishes, now)
    if (use === 'no') return undefined
    if (use === 'refresh' && !entry.refreshing && !wishes.onlyIfCached) {
      entry.refreshing = true
      // One that pipes behind this one change has to take their way: this client waits for it, the others do not.
      if (!entry.askedAsIs) return undefined
      this.refresh(entry, x)
    }
    if (entry.terms.freshUntil <= now) this.counts.stale++
    return this.hit(entry, x, wishes, now)
  }

  /** Waits for the answer to another request, for so long, and goes on its own where that does not help. */
  private async join(x: PipeExchange, key: string, wishes: Wishes, until: number): Promise<Reply | void> {
    for (let round = 1; ; round++) {
      const name = this.selection.flightName(key, x)
      const known = this.selection.find(key, x)
      const left = until - this.tools.now()
      const flight = this.flights.find(name)
      const own = flight === undefined ? this.flights.begin(name) : undefined
      let landing: Landing | 'mine' = 'late'
      if (flight !== undefined) landing = left > 0 ? await flight.wait(left) : 'late'
      else if (own !== undefined && this.peers.on && left > 0) landing = await this.peers.ask(own, key, x, known, left)
      else return void this.fetch(x, key, wishes, known, own)
      if (x.signal.aborted) {
        if (known !== undefined && own !== undefined) known.refreshing = false
        return own?.land('gone')
      }
      const entry = this.selection.find(key, x)
      if (landing === 'mine') return void this.fetch(x, key, wishes, entry, own)
      own?.land(landing)
      const reply = this.answer(x, entry, wishes)
      if (reply !== undefined) {
        if (own === undefined) this.counts.collapsed++
        return reply
      }
      if (landing === 'failed' && entry !== undefined && servesOnError(entry, wishes, this.tools.now())) {
        return this.inPlaceOfFailure(entry, x, wishes)
      }
      const again = (landing === 'stored' || landing === 'gone') && round < MOST_ROUNDS
      // Else what was stored is for others, or nobody has asked to the end.
      if (!again) return void this.fetch(x, key, wishes, entry)
    }
  }

  private why(key: string, entry: Entry | undefined, wishes: Wishes): Reason {
    return reasonOf(entry, this.tools.now(), wishes, this.store.find(key) !== undefined)
  }

  private fetch(x: PipeExchange, key: string, wishes: Wishes, entry: Entry | undefined, flight?: Flight): Pending {
    this.counts.misses++
    return this.forward(x, 'fetch', this.why(key, entry, wishes), key, wishes, entry, flight)
  }

  private forward(
    x: PipeExchange,
    kind: Kind,
    reason: Reason,
    key: string,
    wishes: Wishes,
    entry?: Entry,
    flight?: Flight,
  ): Pending {
    const { selection, tools } = this
    const pending = new Pending(kind, reason, key, wishes, entry, flight, selection.targetOf(x), tools.now(), x)
    if (kind === 'pass' || kind === 'change') this.counts.passed++
    if (kind === 'fetch' && entry !== undefined && wishes.range === undefined && askWhether(entry, x)) {
      pending.validating = true
      pending.sent = x.headers.text
    }
    this.pending.set(x, pending)
    return pending
  }

  // ---- the answer

  onResponse(x: PipeExchange, answer: AnswerHead): Reply | void | Promise<void> {
    const pending = this.pending.get(x)
    if (pending === undefined) return
    const { kind, entry, wishes, flight } = pending
    const now = this.tools.now()
    const { status, error } = answer
    if (kind === 'change') {
      if (error === undefined && status >= 200 && status < 400) return this.changed(x, answer, pending)
    } else if (kind === 'head') {
      if (entry !== undefined && error === undefined && status === 200)
        this.storing.renewByHead(entry, pending, answer, entry.askedAsIs)
    } else if (kind === 'fetch') {
      if (entry !== undefined && pending.validating && status === 304) return this.stillGood(x, entry, pending, answer)
      if (entry !== undefined && isFailure(status) && servesOnError(entry, wishes, now)) {
        flight?.land('failed')
        return this.inPlaceOfFailure(entry, x, wishes)
      }
      if (this.storing.take(pending, answer, wentAsIs(pending, x)))
        return this.note(answer, `fwd=${pending.reason}; stored`)
      const failed = error !== undefined || isFailure(status)
      flight?.land(failed ? 'failed' : pending.void ? 'gone' : 'alone')
      if (pending.name !== '' && !failed && !pending.void) this.flights.setApart(pending.name)
      // It is what counts now, though it is for one client only.
      if (entry !== undefined && status < 500 && status !== 304 && wishes.range === undefined) this.store.remove(entry)
    }
    this.note(answer, `fwd=${pending.reason}`)
  }

  /** The client is told when no worker serves what was there before. */
  private changed(x: PipeExchange, answer: AnswerHead, pending: Pending): Promise<void> | void {
    const urls = changedUrls(x, answer.headers, this.keys)
    this.invalidate(urls)
    const known = this.tools.workers > 1 ? announce(urls) : undefined
    pending.void = false
    // RFC 9110 section 9.3.3: what a POST answers may be what a GET of the same URL would.
    const own = x.method === 'POST' && isOwnContent(urls, answer.headers)
    this.note(answer, own && this.storing.take(pending, answer, false) ? 'fwd=method; stored' : 'fwd=method')
    return known
  }

  private note(answer: AnswerHead, text: string): void {
    if (this.options.status && answer.error === undefined) answer.headers.add('Cache-Status', `serverpy; ${text}`)
  }

  private stillGood(x: PipeExchange, entry: Entry, pending: Pending, answer: AnswerHead): Reply {
    this.counts.validated++
    const next = this.storing.renew(entry, pending, answer.headers, wentAsIs(pending, x))
    const forOthers = next.stored && servesOthers(next.terms, this.tools.now())
    pending.flight?.land(forOthers ? 'stored' : 'alone')
    // They are for this client, whatever is stored.
    const cookies = this.options.setCookie ? '' : linesNamed(answer.headers.text, 'set-cookie')
    const note = `fwd=${pending.reason}; fwd-status=304`
    return this.serving.serve(next, x.method, pending.wishes, this.tools.now(), note, cookies)
  }

  private inPlaceOfFailure(entry: Entry, x: PipeExchange, wishes: Wishes): Reply {
    this.counts.stale++
    return this.hit(entry, x, wishes, this.tools.now())
  }

  invalidate(keys: readonly string[]): void {
    for (const key of keys) {
      this.counts.invalidated += this.store.removeUrl(key)
      this.voidWhere((of) => of === key)
    }
  }

  /** Answers that are on their way may be from before. */
  private voidWhere(chosen: (key: string) => boolean): void {
    for (const pending of this.pending.values()) if (chosen(pending.key)) pending.void = true
    this.storing.voidWhere(chosen)
  }

  onError(x: PipeExchange, error: ProxyError): Reply | void {
    const pending = this.pending.get(x)
    if (pending === undefined) return
    const { entry, wishes, flight, kind } = pending
    flight?.land('failed')
    if (entry === undefined || (kind !== 'fetch' && kind !== 'head') || !isFailure(error.status)) return
    if (servesOnError(entry, wishes, this.tools.now())) return this.inPlaceOfFailure(entry, x, wishes)
  }

  onDone(x: PipeExchange): void {
    if (this.pending.size === 0) return
    const pending = this.pending.get(x)
    if (pending === undefined) return
    this.pending.delete(x)
    if (pending.entry !== undefined) pending.entry.refreshing = false
    if (!pending.storing) pending.flight?.land('gone')
  }

  // ---- from outside

  purge(purge: Purge): number {
    const chosen = namedBy(purge, this.keys)
    this.voidWhere(chosen)
    const count = this.store.removeWhere(chosen)
    this.counts.purged += count
    return count
  }

  metrics(): Readonly<Record<string, number>> {
    const { counts, peers, store, storing } = this
    return {
      ...counts,
      ...peers.counts,
      ...{ stored: storing.stored, stored_bytes: storing.storedBytes },
      ...{ evicted: store.evicted, evicted_bytes: store.evictedBytes },
    }
  }

  gauges(): Readonly<Record<string, number>> {
    const { size, bytes, diskBytes } = this.store
    return { entries: size, memory_bytes: bytes, disk_bytes: diskBytes, waiting: this.flights.waiting }
  }

  async close(): Promise<void> {
    this.unregister()
    this.flights.close()
    this.peers.close()
    this.storing.close()
    await this.disk?.close()
  }
}
