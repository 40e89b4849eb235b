// Finds the stored answer for a request, among those of its URL.
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'
import type { PipeExchange } from '../pipe.js'
import type { Entry, Place } from './entry.js'
import type { Keys } from './keys.js'
import { languageServes } from './languages.js'
import type { Store } from './store.js'
import { linesNamed, ownText } from './stored-lines.js'
import { selectedFor, type Selecting, selects } from './vary.js'

/** URLs of which another worker has told what tells their answers apart; the first to be learned goes first. */
const MOST_LEARNED = 10_000

export interface Selection {
  find(key: string, x: PipeExchange): Entry | undefined
  /** Requests with one name want the same, as far as is known before the answer. */
  flightName(key: string, x: PipeExchange): string
  /** The fields that tell answers of this URL apart, as far as is known. */
  namesOf(key: string): Selecting
  /** Another worker knows them. */
  learn(key: string, names: Selecting): void
  /** What is stored here says it again. */
  unlearn(key: string): void
  /** The target of a place: empty where it is the one that the client asked for. */
  targetOf(x: Pick<PipeExchange, 'asked' | 'target'>): string
}

export function createSelection(
  { key: keyOptions, languages }: Pick<CacheOptions, 'key' | 'languages'>,
  { keys, store }: { readonly keys: Keys; readonly store: Store },
): Selection {
  const learned = new Map<string, Selecting>()

  function namesOf(key: string): Selecting {
    return learned.get(key) ?? store.find(key)?.[0]?.place.names ?? keyOptions.headers
  }

  function targetOf({ asked, target }: Pick<PipeExchange, 'asked' | 'target'>): string {
    return asked === target ? '' : keys.target(target)
  }

  function mayServe({ route, service, target }: Place, x: PipeExchange): boolean {
    return route === x.route && service === x.service && target === targetOf(x)
  }

  function byLanguage(entries: readonly Entry[], x: PipeExchange): Entry | undefined {
    const asked = x.headers.get('accept-language')
    if (asked === undefined) return undefined
    return entries.find((entry) => {
      const { names, values } = entry.place
      const index = names.indexOf('accept-language')
      const made = values[index]?.plain
      if (made === undefined || !mayServe(entry.place, x)) return false
      const others = names.filter((_, i) => i !== index)
      if (
        !selects(
          others,
          values.filter((_, i) => i !== index),
          x.headers,
        )
      )
        return false
      const line = linesNamed(entry.lines, 'content-language')
      return languageServes(made, asked, line.slice(line.indexOf(':') + 1).trim() || undefined)
    })
  }

  return {
    targetOf,
    find(key, x) {
      const entries = store.find(key)
      if (entries === undefined) return undefined
      for (const entry of entries) {
        const { place } = entry
        if (mayServe(place, x) && (place.names.length === 0 || selects(place.names, place.values, x.headers)))
          return entry
      }
      return languages ? byLanguage(entries, x) : undefined
    },
    flightName(key, x) {
      const values = selectedFor(namesOf(key), x.headers) ?? []
      return [key, x.route, x.service, targetOf(x), ...values.map((value) => value?.plain ?? '\r')].join('\n')
    },
    namesOf,
    learn(key, names) {
      learned.delete(key)
      learned.set(ownText(key), names)
      if (learned.size <= MOST_LEARNED) return
      for (const oldest of learned.keys()) return void learned.delete(oldest)
    },
    unlearn: (key) => void learned.delete(key),
  }
}
