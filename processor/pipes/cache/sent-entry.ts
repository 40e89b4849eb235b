// A stored answer on its way to another worker, whose monotonic clock began at another time.
import { FieldLines } from '../../field-lines.js'
import { Entry } from './entry.js'
import type { Terms } from './policy.js'
import type { Sent, Wanted } from './share-messages.js'
import { ownText } from './stored-lines.js'
import type { Selected } from './vary.js'

const MOST_BYTES = 1024 * 1024
/** It cannot have taken longer: the wall clock has been set meanwhile. */
const LONGEST_MS = 10_000

/** It is not handed on. */
export function isLarge({ length }: Entry): boolean {
  return length > MOST_BYTES
}

/** `body`: its bytes, wherever they are kept. `now`: monotonic. */
export function sentOf({ terms, status, lines, askedAsIs }: Entry, body: Buffer, now: number): Sent {
  const { bornAt, freshUntil, staleUntil, onErrorUntil, strict, checked, dropped } = terms
  return {
    ...{ status, lines, strict, checked, dropped, asIs: askedAsIs, fresh: freshUntil > now },
    body: body.toString('base64'),
    times: [bornAt, freshUntil, staleUntil, onErrorUntil].map((at) => (Number.isFinite(at) ? at - now : null)),
    sentAt: Date.now(),
  }
}

/** `values`: of the request here that wants it; they mean the same as those of `wanted`. `now`: monotonic. */
export function entryOf(
  sent: Sent,
  { key, route, service, target, names }: Wanted,
  { body, values }: { readonly body: Entry['body']; readonly values: Selected },
  now: number,
): Entry {
  const { status, strict, checked, dropped, asIs, sentAt, times } = sent
  const wall = Date.now()
  const then = now - Math.min(LONGEST_MS, Math.max(0, wall - sentAt))
  const at = (i: number): number => {
    const ms = times[i]
    return typeof ms === 'number' ? then + ms : -Infinity
  }
  const terms: Terms = {
    ...{ bornAt: at(0), freshUntil: at(1), staleUntil: at(2), onErrorUntil: at(3) },
    ...{ strict, checked, dropped },
  }
  const lines = ownText(sent.lines)
  const place = { key: ownText(key), route, service, target: ownText(target), names, values }
  return new Entry(place, status, lines, body, terms, new FieldLines(lines), wall, asIs)
}

/** In memory of its own. */
export function bytesOf(base64: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(base64, 'base64'))
  bytes.write(base64, 'base64')
  return bytes
}
