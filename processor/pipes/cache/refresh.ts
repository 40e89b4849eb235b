// Refreshes a stale answer while it is still served, without a client that waits: RFC 5861 section 3.
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'
import { FieldLines, lineOf } from '../../field-lines.js'
import type { PipeExchange, PipeTools } from '../pipe.js'
import type { Entry } from './entry.js'
import type { Flight } from './flights.js'
import type { Peers } from './peers.js'
import type { Storing } from './storing.js'
import type { Store } from './store.js'
import { isFailure } from './usable.js'
import { NO_WISHES } from './wishes.js'

const LONGEST_MS = 30_000
/** After a failure the service is left alone for so long. */
const PAUSE_MS = 1000
/** A refresh by another worker is waited for so long. */
const OTHERS_MS = 3000

/** What the client wants for itself is not asked for. */
const OF_THE_CLIENT = /^(?:if-[a-z-]+|range|cache-control|pragma|expect):[^\r\n]*\r\n/gim

export interface RefreshDeps {
  readonly tools: Pick<PipeTools, 'call' | 'now' | 'after'>
  readonly store: Store
  readonly storing: Storing
  readonly peers: Pick<Peers, 'on' | 'ask'>
  /** Undefined: nobody is to wait for it. */
  readonly flightFor: (key: string, x: PipeExchange) => Flight | undefined
  /** A service that answered that the copy is good. */
  readonly validated: () => void
}

/** Asks as the client of `x` does, if no other worker does. The entry is marked until that has come to an end. */
export function createRefresh(
  { entryBytes }: Pick<CacheOptions, 'entryBytes'>,
  { tools, store, storing, peers, flightFor, validated }: RefreshDeps,
): (entry: Entry, x: PipeExchange) => void {
  function fieldsOf({ etag, modified }: Entry, x: PipeExchange): string {
    return (
      x.headers.text.replace(OF_THE_CLIENT, '') +
      (etag === undefined ? '' : lineOf('If-None-Match', etag)) +
      (modified === undefined ? '' : lineOf('If-Modified-Since', modified)) +
      lineOf('X-Forwarded-Host', x.host) +
      lineOf('X-Forwarded-Proto', x.secure ? 'https' : 'http')
    )
  }

  return (entry, x) => {
    entry.refreshing = true
    const { key, target: placeTarget } = entry.place
    const { route, service, target } = x
    const asked = {
      ...{ key, route, service, placeTarget, wishes: NO_WISHES, void: false, askedAt: tools.now() },
      fields: new FieldLines(x.headers.text),
    }
    const done = (): void => void (entry.refreshing = false)
    const call = {
      service,
      method: 'GET',
      target,
      fields: fieldsOf(entry, x),
      timeoutMs: LONGEST_MS,
      mostBytes: entryBytes,
    }
    const begin = (flight?: Flight): void => {
      const failed = (): void => {
        flight?.land('failed')
        tools.after(PAUSE_MS, done)
      }
      const watch = storing.watch(asked)
      tools
        .call(call)
        .answer.then(({ status, fields, body }) => {
          watch()
          if (isFailure(status)) return failed()
          const isStored = status === 304 || storing.takeWhole(asked, status, fields, body)
          if (status === 304) {
            validated()
            storing.renew(entry, asked, fields, true)
          } else if (!isStored) store.remove(entry)
          flight?.land(isStored ? 'stored' : 'alone')
          done()
        })
        .catch(() => {
          watch()
          failed()
        })
    }

    const flight = peers.on ? flightFor(key, x) : undefined
    if (flight === undefined) return begin()
    void peers.ask(flight, key, x, entry, OTHERS_MS).then((landing) => {
      if (landing === 'mine') return begin(flight)
      flight.land(landing)
      // It is there now, or the next one who asks finds out more.
      done()
    })
  }
}
