// Which worker has, or fetches, which answer: so that the caches of all workers are one to those who ask. What is known here
// may be out of date; who is asked for an answer looks whether it is there.
import type { Clock } from '../../shared/clock.js'
import { type Aged, Aging } from '../pipes/aging.js'
import type { CacheNote, CacheWord, Sent, Wanted } from '../pipes/cache/share-messages.js'

export interface CacheDirectory<W> {
  heard(worker: W, notes: readonly CacheNote[]): void
  /** What these keys name has changed: answers that are on their way to here are from before. */
  changed(keys: readonly string[]): void
  purged(): void
  /** The worker has ended. */
  left(worker: W): void
}

export interface CacheDirectoryDeps<W> {
  readonly clock: Pick<Clock, 'after'>
  /** Calls `sent` when the words have left this process, or cannot. */
  readonly tell: (worker: W, words: readonly CacheWord[], sent: () => void) => void
}

const MOST_SLOTS = 100_000
/** Questions that wait, over all workers. */
const MOST_WAITING = 5000
/** So long a worker has to hand an answer over. */
const GIVE_MS = 250
/** Workers that are known to have one answer. */
const MOST_HOLDERS = 3
/** On their way to one worker, in characters. */
const MOST_UNSENT = 32 * 1024 * 1024

interface Question<W> {
  readonly worker: W
  readonly q: number
  readonly wanted: Wanted
  readonly peek: boolean
  readonly fresh: boolean
}

interface Slot<W> extends Aged<Slot<W>> {
  readonly holders: Set<W>
  fetcher: W | undefined
  /** In the order in which they came. */
  waiting: Question<W>[]
  giving: Giving<W> | undefined
  /** Its answers are told apart by other fields than those that it was asked by. */
  names: readonly string[] | undefined
  large: boolean
}

interface Giving<W> {
  readonly id: number
  readonly slot: Slot<W>
  readonly holder: W
  readonly key: string
  /** What comes is from before a change. */
  void: boolean
  readonly cancel: () => void
}

export function createCacheDirectory<W>({ clock, tell }: CacheDirectoryDeps<W>): CacheDirectory<W> {
  const slots = new Aging<Slot<W>>()
  const givings = new Map<number, Giving<W>>()
  const unsent = new Map<W, number>()
  let outgoing = new Map<W, CacheWord[]>()
  let questions = 0
  let gives = 0

  function say(worker: W, word: CacheWord): void {
    const words = outgoing.get(worker)
    if (words === undefined) outgoing.set(worker, [word])
    else words.push(word)
  }

  function flush(): void {
    const all = outgoing
    outgoing = new Map()
    for (const [worker, words] of all) {
      const size = words.reduce((sum, word) => sum + (word.say === 'entry' ? word.sent.body.length : 0), 0)
      if (size > 0) unsent.set(worker, (unsent.get(worker) ?? 0) + size)
      tell(worker, words, () => {
        const left = (unsent.get(worker) ?? 0) - size
        if (left > 0) unsent.set(worker, left)
        else unsent.delete(worker)
      })
    }
  }

  function slotOf(key: string): Slot<W> {
    const known = slots.get(key)
    if (known !== undefined) {
      slots.renew(known)
      return known
    }
    for (let { oldest } = slots; oldest !== undefined && slots.size >= MOST_SLOTS; oldest = slots.oldest) forget(oldest)
    const slot: Slot<W> = {
      ...{ key, holders: new Set<W>(), fetcher: undefined, waiting: [], giving: undefined, names: undefined },
      ...{ large: false, older: undefined, newer: undefined },
    }
    slots.add(slot)
    return slot
  }

  function forget(slot: Slot<W>): void {
    endGiving(slot)
    release(slot, ({ q }) => ({ say: 'alone', q }))
    slots.remove(slot)
  }

  /** All that wait get a word. */
  function release(slot: Slot<W>, word: (question: Question<W>) => CacheWord): void {
    const { waiting } = slot
    slot.waiting = []
    questions -= waiting.length
    for (const question of waiting) say(question.worker, word(question))
  }

  function endGiving(slot: Slot<W>): void {
    const { giving } = slot
    if (giving === undefined) return
    slot.giving = undefined
    givings.delete(giving.id)
    giving.cancel()
  }

  const toFetch =
    (slot: Slot<W>) =>
    ({ q }: Question<W>): CacheWord => ({ say: 'fetch', q, slot: slot.key })

  function want(question: Question<W>, key: string): void {
    const { worker, q, fresh } = question
    const slot = slotOf(key)
    // Who asks has none, or one that is stale, which may serve those who have none.
    if (!fresh) slot.holders.delete(worker)
    if (slot.fetcher === worker) slot.fetcher = undefined
    if (slot.large) return say(worker, toFetch(slot)(question))
    if (questions >= MOST_WAITING) return say(worker, { say: 'alone', q })
    questions++
    slot.waiting.push(question)
    advance(slot)
    if (slot.waiting.includes(question)) say(worker, { say: 'wait', q })
    else tidy(slot)
  }

  /** Does what can be done for those who wait. */
  function advance(slot: Slot<W>): void {
    const { waiting, names } = slot
    if (names !== undefined) return release(slot, ({ q }) => ({ say: 'names', q, names }))
    if (slot.large) return release(slot, toFetch(slot))
    if (slot.giving !== undefined) return
    // While it is fetched a stale one serves those who have none.
    const first = slot.fetcher === undefined ? waiting[0] : waiting.find(({ fresh }) => !fresh)
    const holder = [...slot.holders].find((one) => one !== first?.worker)
    if (first !== undefined && holder !== undefined) return give(slot, holder, first.wanted)
    // Nobody has it: one fetches it, and who only wanted to see goes on.
    const next = slot.fetcher === undefined ? waiting.find(({ peek }) => !peek) : undefined
    slot.fetcher ??= next?.worker
    slot.waiting = waiting.filter((question) => question !== next && !question.peek)
    questions -= waiting.length - slot.waiting.length
    for (const question of waiting)
      if (question === next || question.peek) say(question.worker, toFetch(slot)(question))
  }

  function give(slot: Slot<W>, holder: W, wanted: Wanted): void {
    const id = ++gives
    const giveUp = (): void => {
      given(id, undefined)
      flush()
    }
    // It may lie there unread, because this process itself is late: it is read first.
    const cancel = clock.after(GIVE_MS, () => void setImmediate(giveUp))
    slot.giving = { id, slot, holder, key: wanted.key, void: false, cancel }
    givings.set(id, slot.giving)
    say(holder, { say: 'give', id, wanted })
  }

  function given(id: number, sent: Sent | undefined): void {
    const giving = givings.get(id)
    if (giving === undefined) return
    const { slot, holder } = giving
    endGiving(slot)
    const serves = (question: Question<W>): boolean =>
      sent !== undefined && !giving.void && (sent.fresh || !question.fresh)
    const { waiting } = slot
    slot.waiting = waiting.filter((question) => !serves(question))
    questions -= waiting.length - slot.waiting.length
    const stale = slot.fetcher === undefined && slot.waiting.length > 0
    if (sent === undefined || stale) slot.holders.delete(holder)
    for (const question of waiting) if (sent !== undefined && serves(question)) hand(slot, question, sent)
    advance(slot)
  }

  function hand(slot: Slot<W>, { worker, q }: Question<W>, sent: Sent): void {
    if ((unsent.get(worker) ?? 0) > MOST_UNSENT) return say(worker, { say: 'alone', q })
    say(worker, { say: 'entry', q, sent })
    if (slot.holders.size < MOST_HOLDERS) slot.holders.add(worker)
  }

  function held(worker: W, key: string): void {
    const slot = slotOf(key)
    slot.names = undefined
    slot.large = false
    slot.holders.clear()
    slot.holders.add(worker)
    // A fetch that is under way tells when it has landed.
    advance(slot)
  }

  function landed(worker: W, { slot: key, how, names }: Extract<CacheNote, { say: 'landed' }>): void {
    const slot = slots.get(key)
    if (slot === undefined) return
    if (names !== undefined) slot.names = names
    if (how === 'large') slot.large = true
    if (slot.fetcher === worker) {
      slot.fetcher = undefined
      if (how === 'alone' || how === 'failed') release(slot, ({ q }) => ({ say: how, q }))
    }
    advance(slot)
    tidy(slot)
  }

  function tidy(slot: Slot<W>): void {
    const { holders, fetcher, waiting, giving, names, large } = slot
    const known = holders.size > 0 || fetcher !== undefined || waiting.length > 0 || giving !== undefined
    if (!known && names === undefined && !large) slots.remove(slot)
  }

  return {
    heard(worker, notes) {
      for (const note of notes) {
        if (note.say === 'want') want({ ...note, worker }, note.slot)
        else if (note.say === 'held') held(worker, note.slot)
        else if (note.say === 'landed') landed(worker, note)
        else given(note.id, note.sent)
      }
      flush()
    },
    changed(keys) {
      if (givings.size === 0) return
      const changed = new Set(keys)
      for (const giving of givings.values()) if (changed.has(giving.key)) giving.void = true
    },
    purged() {
      for (const giving of givings.values()) giving.void = true
    },
    left(worker) {
      unsent.delete(worker)
      const all: Slot<W>[] = []
      for (let slot = slots.oldest; slot !== undefined; slot = slot.newer) all.push(slot)
      for (const slot of all) {
        slot.holders.delete(worker)
        if (slot.fetcher === worker) slot.fetcher = undefined
        if (slot.giving?.holder === worker) endGiving(slot)
        const { waiting } = slot
        slot.waiting = waiting.filter((question) => question.worker !== worker)
        questions -= waiting.length - slot.waiting.length
        advance(slot)
        tidy(slot)
      }
      flush()
    },
  }
}
