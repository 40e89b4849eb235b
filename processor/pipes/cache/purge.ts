// What makes stored answers go from outside: an operator's purge, and a change that another worker has seen.
import type { Purge } from '../../../shared/processor.js'
import type { Keys } from './keys.js'

export interface Purgeable {
  /** Returns how many answers there were. */
  purge(purge: Purge): number
  /** Another worker has seen a request that changes what these keys name. */
  invalidate(keys: readonly string[]): void
}

/** The caches of this process; each is there from its beginning to its end. */
const caches = new Set<Purgeable>()

/** The returned function takes it out again. */
export function register(cache: Purgeable): () => void {
  caches.add(cache)
  return () => void caches.delete(cache)
}

/** Tells of a key whether it is meant. */
export function namedBy(purge: Purge, keys: Keys): (key: string) => boolean {
  if (purge.kind === 'all') return () => true
  const { host, target } = purge
  if (purge.kind === 'url') {
    const names = [keys.of(false, host, target), keys.of(true, host, target)]
    return (key) => names.includes(key)
  }
  const starts = [keys.start(false, host, target), keys.start(true, host, target)]
  return (key) => starts.some((start) => key.startsWith(start))
}

/** Purges every cache of this process, and returns how many answers there were. */
export function purgeCaches(purge: Purge): number {
  let count = 0
  for (const cache of caches) count += cache.purge(purge)
  return count
}

/** Does in this process what `announce` said in another one. */
export function invalidateCaches(keys: readonly string[]): void {
  for (const cache of caches) cache.invalidate(keys)
}
