// What the caches of the other workers keep for a part: an answer that one of them has need not be asked for again.
import { createHash } from 'node:crypto'
import type { PartConfig } from '../../../shared/config/merge-model.js'
import type { Call } from '../../call.js'
import { ask, isConnected, note, openTo } from '../../pipes/cache/share-link.js'
import type { PartCache } from './part-cache.js'

export interface PartPeers {
  /** Puts what another worker has for `call` into the cache of this one. */
  fetch(call: Call): Promise<void>
  /** The answer to `call` has come; `kept`: it is in the cache of this worker. */
  came(call: Call, kept: boolean): void
}

/** Who only wants to know what there is waits so long at most. */
const PEEK_MS = 250
/** Longer questions are not asked. */
const MOST_CHARACTERS = 4096
/** After an answer that nobody may keep nobody is asked about it for so long. */
const NOT_KEPT_MS = 10_000
const MOST_NOT_KEPT = 1000

/** Of the client alone, and of no answer: they would make each client's question another one. */
const OF_CLIENT = /^x-forwarded-(?:for|host):[^\r\n]*\r\n/gim

export function createPartPeers(part: PartConfig, cache: PartCache, now: () => number): PartPeers {
  const pipe = digest(['merge', part.cachePlace])
  // After a reload another part may stand at this place.
  const identity = digest(part)
  const notKept = new Map<string, number>()
  const held = new WeakRef(cache)
  openTo(pipe, ({ key, route, target }) =>
    route === identity ? held.deref()?.give({ method: 'GET', target: key, fields: target }, now()) : undefined,
  )

  function slotOf({ method, target, fields }: Call): string | undefined {
    if (method !== 'GET' || !isConnected() || target.length + fields.length > MOST_CHARACTERS) return undefined
    return digest([pipe, identity, target, fields.replace(OF_CLIENT, '')])
  }

  return {
    async fetch(call) {
      const slot = slotOf(call)
      if (slot === undefined || (notKept.get(slot) ?? 0) > now()) return
      const wanted = {
        pipe,
        key: call.target,
        route: identity,
        service: '',
        target: call.fields,
        names: [],
        values: [],
      }
      const told = await ask({ slot, wanted, peek: true, fresh: false }, PEEK_MS)
      if (told.say === 'entry') cache.take(call, told.sent, now())
    },
    came(call, kept) {
      const slot = slotOf(call)
      if (slot === undefined) return
      notKept.delete(slot)
      if (kept) return note({ say: 'held', slot })
      for (const oldest of notKept.keys()) {
        if (notKept.size < MOST_NOT_KEPT) break
        notKept.delete(oldest)
      }
      notKept.set(slot, now() + NOT_KEPT_MS)
    },
  }
}

function digest(what: unknown): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 22)
}
