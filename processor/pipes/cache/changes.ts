// Tells the other workers what a request has changed, and when all of them have heard of it: who has been told that something is
// changed is not to see it as it was, whichever worker is asked.

/** Takes what has changed; `heard` is called with the same `id`. */
export type Tell = (id: number, keys: readonly string[]) => void

/** Characters of the keys in one message: a flood of changes is a few messages, and none of them is large. */
const MOST_CHARACTERS = 64 * 1024
/** The others are waited for so long. */
const PATIENCE_MS = 100
/** After they have said nothing nobody waits for them for so long. */
const SILENCE_MS = 1000

interface Batch {
  readonly id: number
  readonly keys: Set<string>
  characters: number
  /** Resolves when the others have heard of it, or are not waited for any more. */
  readonly known: Promise<void>
  readonly end: () => void
}

let tell: Tell | undefined
/** What goes out at the end of this turn. */
let gathered: Batch | undefined
/** What the others have not heard of, as far as is known. */
const told = new Map<number, () => void>()
let count = 0
let silentUntil = -Infinity

/** Where `announce` is to be heard: by the other workers. */
export function announceTo(others: Tell): void {
  tell = others
}

/** Tells the other workers that what these keys name has changed. Resolves soon, and rejects never. */
export function announce(keys: readonly string[]): Promise<void> | undefined {
  if (tell === undefined) return undefined
  const batch = (gathered ??= begin())
  for (const key of keys) {
    batch.keys.add(key)
    batch.characters += key.length
  }
  if (batch.characters >= MOST_CHARACTERS) flush()
  return performance.now() < silentUntil ? undefined : batch.known
}

function begin(): Batch {
  setImmediate(announceNow)
  const id = ++count
  let end = (): void => undefined
  const known = new Promise<void>((resolve) => (end = resolve))
  return { id, keys: new Set(), characters: 0, known, end }
}

/** What there is to be told, at once: before anything that must not be heard from before it. */
export function announceNow(): void {
  if (gathered !== undefined) flush()
}

function flush(): void {
  const { id, keys, end } = gathered as Batch
  gathered = undefined
  told.set(id, end)
  tell?.(id, [...keys])
  // A word may lie there unread, because this process itself is late: it is read first.
  setTimeout(() => setImmediate(giveUp, id), PATIENCE_MS)
}

/** All others have heard of what was told by this number. */
export function heard(id: number): void {
  silentUntil = -Infinity
  over(id)
}

function giveUp(id: number): void {
  if (over(id)) silentUntil = performance.now() + SILENCE_MS
}

function over(id: number): boolean {
  const end = told.get(id)
  told.delete(id)
  end?.()
  return end !== undefined
}
