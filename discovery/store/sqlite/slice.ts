// Reading a page in pieces of bounded work.
import type { Slice } from './protocol.js'

// About 5 ms of the thread for the widest rows; batches wait that long at most.
const LOOKED_AT = 1500

/**
 * Takes `want` items from `rows`, or as many as a bounded number of rows holds. `read` gives a row's position and its
 * item, undefined for one that the filter does not let through.
 */
export function slice<Row, T>(
  rows: Iterable<Row>,
  want: number,
  read: (row: Row) => { readonly place: number; readonly item: T | undefined },
): Slice<T> {
  const items: T[] = []
  const places: number[] = []
  let looked = 0
  for (const row of rows) {
    const { place, item } = read(row)
    if (item !== undefined) {
      items.push(item)
      places.push(place)
    }
    if (items.length >= want || ++looked >= LOOKED_AT) return { items, places, last: place }
  }
  return { items, places, last: undefined }
}
