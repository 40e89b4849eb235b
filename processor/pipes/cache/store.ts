// The answers of one worker, within a bound of bytes: the one that was used longest ago goes first.
import type { StoredFile } from './disk.js'
import type { Entry, Place } from './entry.js'
import { sameNames } from './vary.js'

export interface StoreLimits {
  /** In memory. */
  readonly bytes: number
  /** On disk; 0: nothing is there. */
  readonly diskBytes: number
  /** Answers of one URL. */
  readonly variants: number
}

export class Store {
  bytes = 0
  diskBytes = 0
  size = 0
  evicted = 0
  evictedBytes = 0
  /** By URL; the answer that was stored last comes first. */
  private readonly urls = new Map<string, Entry[]>()
  private newest: Entry | undefined
  private oldest: Entry | undefined

  /** `released`: a file that nobody points to any more. */
  constructor(
    private readonly limits: StoreLimits,
    private readonly released: (file: StoredFile) => void = () => undefined,
  ) {}

  find(key: string): readonly Entry[] | undefined {
    return this.urls.get(key)
  }

  /** It was used just now. */
  touch(entry: Entry): void {
    if (entry === this.newest || !entry.stored) return
    this.unlink(entry)
    this.link(entry)
  }

  /** Takes the place of an answer that was stored for the same requests. False: it is larger than all that may be here. */
  add(entry: Entry): boolean {
    const { limits, urls } = this
    const file = entry.onDisk
    if (entry.bytes > limits.bytes || (file !== undefined && file.length > limits.diskBytes)) {
      if (file !== undefined) this.released(file)
      return false
    }
    const { key } = entry.place
    const others = urls.get(key)
    if (others === undefined) urls.set(key, [entry])
    else {
      const same = others.find((other) => samePlace(other.place, entry.place))
      if (same !== undefined) this.remove(same)
      // The one that is left out may have been the only one.
      const list = urls.get(key)
      if (list === undefined) urls.set(key, [entry])
      else {
        list.unshift(entry)
        if (list.length > limits.variants) this.evict(list.at(-1) as Entry)
      }
    }
    this.link(entry)
    entry.stored = true
    this.size++
    this.bytes += entry.bytes
    this.diskBytes += file?.length ?? 0
    while (this.oldest !== undefined && (this.bytes > limits.bytes || this.diskBytes > limits.diskBytes))
      this.evict(this.oldest)
    return true
  }

  /** Puts `next`, which has the same body, in the place of `entry`. */
  renew(entry: Entry, next: Entry): void {
    this.remove(entry, true)
    this.add(next)
  }

  /** `keep`: its file stays. */
  remove(entry: Entry, keep = false): void {
    if (!entry.stored) return
    const { key } = entry.place
    const list = this.urls.get(key) as Entry[]
    if (list.length === 1) this.urls.delete(key)
    else list.splice(list.indexOf(entry), 1)
    this.unlink(entry)
    entry.stored = false
    this.size--
    this.bytes -= entry.bytes
    const file = entry.onDisk
    if (file === undefined) return
    this.diskBytes -= file.length
    if (!keep) this.released(file)
  }

  /** Removes every answer of a URL, and returns how many there were. */
  removeUrl(key: string): number {
    const list = this.urls.get(key)
    if (list === undefined) return 0
    const count = list.length
    for (const entry of [...list]) this.remove(entry)
    return count
  }

  removeWhere(chosen: (key: string) => boolean): number {
    let count = 0
    for (const key of [...this.urls.keys()]) if (chosen(key)) count += this.removeUrl(key)
    return count
  }

  private evict(entry: Entry): void {
    this.evicted++
    this.evictedBytes += entry.bytes + (entry.onDisk?.length ?? 0)
    this.remove(entry)
  }

  private link(entry: Entry): void {
    entry.older = this.newest
    if (this.newest !== undefined) this.newest.newer = entry
    this.newest = entry
    this.oldest ??= entry
  }

  private unlink(entry: Entry): void {
    const { newer, older } = entry
    if (newer === undefined) this.newest = older
    else newer.older = older
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    entry.newer = entry.older = undefined
  }
}

function samePlace(a: Place, b: Place): boolean {
  return (
    a.route === b.route &&
    a.service === b.service &&
    a.target === b.target &&
    sameNames(a.names, b.names) &&
    a.values.every((value, i) => value?.plain === b.values[i]?.plain)
  )
}
