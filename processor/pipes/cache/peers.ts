// The caches of the other workers, as one cache of this worker sees them: what they have it need not fetch.
import { createHash } from 'node:crypto'
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'
import type { Maybe, PipeExchange, PipeTools } from '../pipe.js'
import type { Disk } from './disk.js'
import type { Entry, Place } from './entry.js'
import type { Flight, Landing } from './flights.js'
import type { Selection } from './selection.js'
import { bytesOf, entryOf, isLarge, sentOf } from './sent-entry.js'
import { ask, isConnected, note, openTo, type Told } from './share-link.js'
import type { Ending, Sent, Wanted } from './share-messages.js'
import type { Store } from './store.js'
import type { Storing } from './storing.js'
import { sameNames, selectedFor, type Selected } from './vary.js'

export interface PeersDeps {
  readonly tools: Pick<PipeTools, 'now' | 'workers' | 'place'>
  readonly store: Store
  readonly storing: Storing
  readonly selection: Selection
  readonly disk: Disk | undefined
}

/** Longer questions are not asked. */
const MOST_CHARACTERS = 4096
/** Who only wants to know what there is waits so long at most. */
const PEEK_MS = 250
/** An answer that is older than one that is here, but for what the clocks of two processes differ by, is of no use. */
const NOISE_MS = 50
/** Of what may tell the answers of a URL apart two things may be learned one after the other. */
const MOST_PEEKS = 2

export class Peers {
  /** Answers that came from another worker, and questions whether there are any. */
  readonly counts = { shared: 0, asked: 0 }
  private readonly pipe: string
  private readonly closed: () => void

  constructor(
    private readonly options: Pick<CacheOptions, 'disk'>,
    private readonly deps: PeersDeps,
  ) {
    const { place } = deps.tools
    this.pipe = place === undefined ? '' : digest([place])
    this.closed = place === undefined ? () => undefined : openTo(this.pipe, (wanted) => this.give(wanted))
  }

  /** There is somebody to ask. */
  get on(): boolean {
    return this.deps.tools.workers > 1 && this.pipe !== '' && isConnected()
  }

  /**
   * What the others have, or get, for `x`. `mine`: this worker has to fetch it, and they wait for how `flight` lands.
   * `gone`: to be looked for again, for it is now known what else tells the answers apart.
   */
  async ask(
    flight: Flight,
    key: string,
    x: PipeExchange,
    entry: Entry | undefined,
    ms: number,
  ): Promise<Landing | 'mine'> {
    // It is younger than what the client wants; the others can hardly do better.
    if (entry !== undefined && entry.terms.freshUntil > this.deps.tools.now() && !entry.terms.checked) return 'mine'
    const asked = this.wantedFor(key, x)
    if (asked === undefined) return 'mine'
    const { wanted, slot } = asked
    const told = await this.question(asked, { peek: false, fresh: entry !== undefined }, ms)
    if (told.say === 'alone' || told.say === 'failed') return told.say
    if (told.say === 'names') return 'gone'
    if (told.say === 'entry') return told.stored ? 'stored' : 'mine'
    flight.tell = (landing) => this.landed(slot, wanted, landing)
    return 'mine'
  }

  /** Puts what another worker has for `x` into the store. */
  async peek(key: string, x: PipeExchange): Promise<void> {
    const fresh = this.deps.selection.find(key, x) !== undefined
    for (let i = 0; i < MOST_PEEKS; i++) {
      const asked = this.wantedFor(key, x)
      const told = asked && (await this.question(asked, { peek: true, fresh }, PEEK_MS))
      if (told?.say !== 'names' || x.signal.aborted) return
    }
  }

  private async question(
    { wanted, slot, values }: Asked,
    how: { readonly peek: boolean; readonly fresh: boolean },
    ms: number,
  ): Promise<Exclude<Told, { say: 'entry' }> | { say: 'entry'; stored: boolean }> {
    this.counts.asked++
    // A change meanwhile makes what is on its way useless.
    const underway = { key: wanted.key, void: false }
    const end = this.deps.storing.watch(underway)
    const told = await ask({ slot, wanted, ...how }, ms)
    if (told.say === 'names') this.deps.selection.learn(wanted.key, told.names)
    const stored = told.say === 'entry' && (await this.keep(told.sent, wanted, values, underway))
    end()
    return told.say === 'entry' ? { say: 'entry', stored } : told
  }

  private wantedFor(key: string, x: PipeExchange): Asked | undefined {
    const { selection } = this.deps
    const names = selection.namesOf(key)
    const values = selectedFor(names, x.headers)
    if (values === undefined) return undefined
    const { route, service } = x
    const wanted = this.wantedOf({ key, route, service, target: selection.targetOf(x), names, values })
    const characters = wanted.values.reduce((sum, value) => sum + (value?.length ?? 0), key.length)
    return characters > MOST_CHARACTERS ? undefined : { wanted, values, slot: slotOf(wanted) }
  }

  private wantedOf({ values, ...place }: Place): Wanted {
    return { pipe: this.pipe, ...place, values: values.map((value) => value?.plain ?? null) }
  }

  private async keep(
    sent: Sent,
    wanted: Wanted,
    values: Selected,
    underway: { readonly void: boolean },
  ): Promise<boolean> {
    const { store, tools, disk } = this.deps
    const bytes = bytesOf(sent.body)
    const long = bytes.length >= (this.options.disk?.fromBytes ?? Infinity)
    const file = long ? await disk?.save(bytes).catch(() => undefined) : undefined
    const next = entryOf(sent, wanted, { body: file ?? bytes, values }, tools.now())
    const known = this.find(wanted)
    const late = known !== undefined && known.terms.bornAt > next.terms.bornAt - NOISE_MS
    if (underway.void || late || (long && file === undefined)) {
      if (file !== undefined) disk?.release(file)
      return false
    }
    if (!store.add(next)) return false
    this.counts.shared++
    return true
  }

  private find({ key, route, service, target, names, values }: Wanted): Entry | undefined {
    return this.deps.store
      .find(key)
      ?.find(
        ({ place }) =>
          place.route === route &&
          place.service === service &&
          place.target === target &&
          sameNames(place.names, names) &&
          place.values.every((value, i) => (value?.plain ?? null) === values[i]),
      )
  }

  /** A stale one, too: who has it can have it validated, or stand in for a failure with it. */
  private give(wanted: Wanted): Maybe<Sent | undefined> {
    const { disk, tools, store } = this.deps
    const entry = this.find(wanted)
    if (entry === undefined || isLarge(entry)) return undefined
    const { body } = entry
    if (Buffer.isBuffer(body)) return sentOf(entry, body, tools.now())
    const reading = disk?.whole(body, () => store.remove(entry))
    return reading?.then((bytes) => bytes && sentOf(entry, bytes, tools.now()))
  }

  /** `entry` has come into the store, from the service. */
  held(entry: Entry): void {
    this.deps.selection.unlearn(entry.place.key)
    if (this.on && !isLarge(entry)) note({ say: 'held', slot: slotOf(this.wantedOf(entry.place)) })
  }

  private landed(slot: string, wanted: Wanted, landing: Landing): void {
    const newest = this.deps.store.find(wanted.key)?.[0]
    const others = landing === 'stored' && newest !== undefined && !sameNames(newest.place.names, wanted.names)
    const large = landing === 'stored' && newest !== undefined && isLarge(newest)
    const how: Ending = large ? 'large' : landing === 'late' ? 'gone' : landing
    note({ say: 'landed', slot, how, ...(others && { names: newest.place.names }) })
  }

  close(): void {
    this.closed()
  }
}

interface Asked {
  readonly wanted: Wanted
  readonly values: Selected
  readonly slot: string
}

function slotOf({ pipe, key, route, service, target, names, values }: Wanted): string {
  return digest([pipe, key, route, service, target, names, values])
}

function digest(what: unknown): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 22)
}
