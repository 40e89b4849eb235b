// The pipes of the config before, for the one that comes: found by what they are and by whose they are, each given once.
// Looked up, not searched: where a line more moves all places of a large config, every one of its pipes is asked for here.
import type { Owners } from './owners.js'

export interface Leftover {
  /** Everything that makes it another pipe when it changes. */
  readonly identity: string
  /** The same without what its module holds. */
  readonly likeness: string
  readonly owners: Owners
}

export interface Leftovers<T> {
  has(one: T): boolean
  take(one: T): void
  /** The first that is left of those that are the same and have an owner in common; it stays left until it is taken. */
  find(by: 'identity' | 'likeness', text: string, owners: Owners): T | undefined
}

/** In their order; `next`: all before it have been taken. */
interface Line {
  readonly places: number[]
  next: number
}

type Index = ReadonlyMap<string, ReadonlyMap<string, Line>>

export function createLeftovers<T extends Leftover>(all: Iterable<T>): Leftovers<T> {
  const list = [...all]
  const left = new Set(list)
  // Not before somebody asks: where nothing has moved nobody does.
  const indexes: { identity?: Index; likeness?: Index } = {}

  return {
    has: (one) => left.has(one),
    take: (one) => void left.delete(one),
    find(by, text, owners) {
      const lines = (indexes[by] ??= indexOf(list, by)).get(text)
      if (lines === undefined) return undefined
      let first = Infinity
      for (const owner of owners) first = Math.min(first, firstOf(lines.get(owner)))
      return list[first]
    },
  }

  function firstOf(line: Line | undefined): number {
    if (line === undefined) return Infinity
    const { places } = line
    for (; line.next < places.length; line.next++) {
      const place = places[line.next] as number
      if (left.has(list[place] as T)) return place
    }
    return Infinity
  }
}

function indexOf(list: readonly Leftover[], by: 'identity' | 'likeness'): Index {
  const index = new Map<string, Map<string, Line>>()
  list.forEach((one, place) => {
    let lines = index.get(one[by])
    if (lines === undefined) index.set(one[by], (lines = new Map<string, Line>()))
    for (const owner of one.owners) {
      const line = lines.get(owner)
      if (line === undefined) lines.set(owner, { places: [place], next: 0 })
      else line.places.push(place)
    }
  })
  return index
}
