// A worker's line to its supervisor about what its caches have and want: one message for each turn of the loop, and nobody
// waits for a supervisor that does not answer.
import type { CacheNote, CacheWord, Sent, Wanted } from './share-messages.js'
import type { Maybe } from '../pipe.js'
import { announceNow } from './changes.js'

/** `fetch`: nobody else does. `late`: nobody has said anything of use in time. */
export type Told =
  Extract<CacheWord, { readonly say: 'names' | 'entry' }> | { readonly say: 'fetch' | 'alone' | 'failed' | 'late' }

/** A cache that others may ask. Undefined: it has no such answer, or none that is of use to others. */
export type Give = (wanted: Wanted) => Maybe<Sent | undefined>

export interface Wish {
  readonly slot: string
  readonly wanted: Wanted
  readonly peek: boolean
  readonly fresh: boolean
}

/** The supervisor's first word is waited for so long: on a busy machine it is late more often than gone. */
const PATIENCE_MS = 400
/** After it has said nothing it is left alone for so long. */
const SILENCE_MS = 1000
const MOST_QUESTIONS = 1000
/** Of answers that have not left this process yet, in characters: beyond that none is given. */
const MOST_UNSENT = 16 * 1024 * 1024
/** Answers that are read from disk to be given. */
const MOST_READING = 16

interface Question {
  /** There has been a first word. */
  answered: boolean
  readonly end: (told: Told) => void
}

type Send = (notes: readonly CacheNote[], sent: () => void) => void

const stores = new Map<string, Give>()
const questions = new Map<number, Question>()
let send: Send | undefined
let gathered: CacheNote[] | undefined
let asked = 0
let unsent = 0
let reading = 0
let silentUntil = -Infinity

/** Connects this process with its supervisor. Returns what takes the supervisor's words. */
export function connectCaches(to: Send): (words: readonly CacheWord[]) => void {
  send = to
  return (words) => {
    silentUntil = -Infinity
    words.forEach(take)
  }
}

/** There is a supervisor to talk to. */
export function isConnected(): boolean {
  return send !== undefined
}

/** The returned function takes it out again. */
export function openTo(pipe: string, give: Give): () => void {
  stores.set(pipe, give)
  return () => {
    if (stores.get(pipe) === give) stores.delete(pipe)
  }
}

/** Asks whether another worker has it, or gets it just now. Rejects never. */
export function ask(wish: Wish, ms: number): Promise<Told> {
  if (questions.size >= MOST_QUESTIONS || performance.now() < silentUntil) return Promise.resolve({ say: 'late' })
  return new Promise((resolve) => {
    const q = ++asked
    const end = (told: Told): void => {
      questions.delete(q)
      clearTimeout(bound)
      resolve(told)
    }
    const bound = setTimeout(() => end({ say: 'late' }), ms)
    questions.set(q, { answered: false, end })
    note({ say: 'want', q, ...wish })
  })
}

function giveUp(sent: readonly number[]): void {
  for (const q of sent) {
    const question = questions.get(q)
    if (question === undefined || question.answered) continue
    silentUntil = performance.now() + SILENCE_MS
    question.end({ say: 'late' })
  }
}

/** Goes out at the end of this turn. */
export function note(one: CacheNote): void {
  if (send === undefined) return
  if (gathered === undefined) {
    gathered = []
    setImmediate(flush)
  }
  gathered.push(one)
}

function flush(): void {
  const notes = gathered ?? []
  gathered = undefined
  // What has changed here comes before questions from after that.
  announceNow()
  const size = notes.reduce((sum, one) => sum + (one.say === 'given' ? sizeOf(one.sent) : 0), 0)
  send?.(notes, () => void (unsent -= size))
  const sent = notes.flatMap((one) => (one.say === 'want' ? [one.q] : []))
  // A late word may lie there unread, because this process itself is late: it is read first.
  if (sent.length > 0) setTimeout(() => setImmediate(giveUp, sent), PATIENCE_MS)
}

function given(id: number, sent: Sent | undefined): void {
  unsent += sizeOf(sent)
  note({ say: 'given', id, ...(sent !== undefined && { sent }) })
}

function sizeOf(sent: Sent | undefined): number {
  return sent?.body.length ?? 0
}

function take(word: CacheWord): void {
  if (word.say === 'give') {
    const tooMuch = unsent > MOST_UNSENT || reading >= MOST_READING
    const sent = tooMuch ? undefined : stores.get(word.wanted.pipe)?.(word.wanted)
    if (!(sent instanceof Promise)) return given(word.id, sent)
    reading++
    return void sent.then((read) => {
      reading--
      given(word.id, read)
    })
  }
  const question = questions.get(word.q)
  if (question === undefined) {
    // Nobody waits for it any more: the next one shall.
    if (word.say === 'fetch') note({ say: 'landed', slot: word.slot, how: 'gone' })
    return
  }
  if (word.say !== 'wait') return question.end(word)
  question.answered = true
}
