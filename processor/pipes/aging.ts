// A map that knows which of its entries nobody has asked for longest. A Map's own order does not serve: what was removed
// from its front is stepped over by every later look at it.

/** Extended by what is kept. */
export interface Aged<T> {
  readonly key: string
  older: T | undefined
  newer: T | undefined
}

export class Aging<T extends Aged<T>> {
  oldest: T | undefined
  private newest: T | undefined
  private readonly byKey = new Map<string, T>()

  get(key: string): T | undefined {
    return this.byKey.get(key)
  }

  /** Its key is not there yet. */
  add(entry: T): void {
    this.byKey.set(entry.key, entry)
    this.append(entry)
  }

  /** It was asked for. */
  renew(entry: T): void {
    if (entry === this.newest) return
    this.unlink(entry)
    this.append(entry)
  }

  remove(entry: T): void {
    this.byKey.delete(entry.key)
    this.unlink(entry)
  }

  get size(): number {
    return this.byKey.size
  }

  private append(entry: T): void {
    entry.older = this.newest
    entry.newer = undefined
    if (this.newest === undefined) this.oldest = entry
    else this.newest.newer = entry
    this.newest = entry
  }

  private unlink(entry: T): void {
    const { older, newer } = entry
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    if (newer === undefined) this.newest = older
    else newer.older = older
  }
}

/** A piece cut out of a request's head keeps the whole head in memory: this one does not. */
export function ownCopy(key: string): string {
  const encoding = Buffer.byteLength(key) === key.length ? 'latin1' : 'utf16le'
  return Buffer.from(key, encoding).toString(encoding)
}
