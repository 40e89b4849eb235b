// Rings of rows in memory: each keeps its newest, and all together no more than a bound.

export interface MemoryRings<T> {
  add(ring: string, value: T, limit: number): void
  /** Removes the oldest of a ring beyond its newest `limit` and returns how many. */
  trim(ring: string, limit: number): number
  /** Position and value, newest first: of one ring or of all. */
  newest(ring?: string): Iterable<readonly [number, T]>
  /** Removes what `old` says and returns how many. */
  prune(old: (value: T) => boolean, ring?: string): number
  readonly rings: Iterable<string>
  /** Rows that fell out because all rings together were too many. */
  readonly dropped: number
}

export function createMemoryRings<T>(most: number): MemoryRings<T> {
  // In order of arrival, so the first is the oldest; a ring holds the places of its rows in the same order.
  const rows = new Map<number, { readonly ring: string; readonly value: T }>()
  const rings = new Map<string, number[]>()
  let place = 0
  let dropped = 0

  function dropOldest(ring: string, places: number[]): void {
    const oldest = places.shift()
    if (oldest !== undefined) rows.delete(oldest)
    if (places.length === 0) rings.delete(ring)
  }

  return {
    add(ring, value, limit) {
      const places = rings.get(ring) ?? []
      while (places.length > 0 && places.length >= limit) dropOldest(ring, places)
      if (limit < 1) return
      const [first] = rows.size >= most ? rows.values() : []
      if (first) {
        dropOldest(first.ring, rings.get(first.ring) ?? [])
        dropped++
      }
      rings.set(ring, places)
      places.push(++place)
      rows.set(place, { ring, value })
    },
    trim(ring, limit) {
      const places = rings.get(ring) ?? []
      const over = Math.max(0, places.length - limit)
      for (let left = over; left > 0; left--) dropOldest(ring, places)
      return over
    },
    *newest(ring) {
      const places = ring === undefined ? [...rows.keys()] : (rings.get(ring) ?? [])
      for (let i = places.length - 1; i >= 0; i--) {
        const at = places[i] ?? 0
        const row = rows.get(at)
        if (row) yield [at, row.value]
      }
    },
    prune(old, ring) {
      const before = rows.size
      for (const name of ring === undefined ? [...rings.keys()] : [ring]) {
        const kept: number[] = []
        for (const at of rings.get(name) ?? []) {
          const row = rows.get(at)
          if (row && !old(row.value)) kept.push(at)
          else rows.delete(at)
        }
        if (kept.length > 0) rings.set(name, kept)
        else rings.delete(name)
      }
      return before - rows.size
    },
    get rings() {
      return rings.keys()
    },
    get dropped() {
      return dropped
    },
  }
}
