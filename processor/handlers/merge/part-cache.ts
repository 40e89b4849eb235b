// Answers of a service that are still fresh, for one part: what RFC 9111 lets a shared cache keep, and nothing stale.
import type { Answer, Call } from '../../call.js'
import { FieldLines } from '../../field-lines.js'
import { parseDirectives } from '../../pipes/cache/directives.js'
import { judge, type Judged, type Terms } from '../../pipes/cache/policy.js'
import type { Sent } from '../../pipes/cache/share-messages.js'
import { selectedFor, selectingFields, selects, type Selected, type Selecting } from '../../pipes/cache/vary.js'

type Asked = Pick<Call, 'method' | 'target' | 'fields' | 'body'>

export interface PartCache {
  /** An answer that is fresh at `now`, monotonic milliseconds. */
  find(call: Asked, now: number): Answer | undefined
  /** Whether it is kept. */
  keep(call: Asked, answer: Answer, times: Pick<Judged, 'askedAt' | 'answeredAt' | 'wallMs'>): boolean
  /** For another worker, whose clock began at another time; undefined: there is none, or it is too large. */
  give(call: Asked, now: number): Sent | undefined
  /** Keeps what another worker has given. */
  take(call: Asked, sent: Sent, now: number): void
  readonly bytes: number
}

type KeptTerms = Pick<Terms, 'bornAt' | 'freshUntil'>

interface Kept {
  readonly answer: Answer
  readonly fields: string
  readonly terms: KeptTerms
  readonly names: Selecting
  readonly values: Selected
  readonly bytes: number
}

const TERMS = { ttlMs: 0, heuristic: 0, setCookie: false, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 }
/** Of one target, told apart by Vary. */
const MOST_VARIANTS = 16
/** What an entry costs beside its texts and its body. */
const OVERHEAD_BYTES = 1000
/** Of a body; what is longer is not handed to another worker. */
const MOST_GIVEN = 2 ** 20
/** It cannot have been on its way longer: the wall clock has been set meanwhile. */
const LONGEST_MS = 10_000

/** `mostBytes`: what was used longest ago goes when there is more. */
export function createPartCache(mostBytes: number): PartCache {
  /** In the order of their use. */
  const byTarget = new Map<string, Kept[]>()
  let bytes = 0

  function drop(target: string, gone: (one: Kept) => boolean): Kept[] {
    const list = byTarget.get(target) ?? []
    const left = list.filter((one) => !gone(one))
    for (const one of list) if (!left.includes(one)) bytes -= one.bytes
    byTarget.delete(target)
    if (left.length > 0) byTarget.set(target, left)
    return left
  }

  function freshFor(call: Asked, now: number): Kept | undefined {
    if (!isPlain(call) || !byTarget.has(call.target)) return undefined
    const fields = new FieldLines(call.fields)
    const fresh = drop(call.target, ({ terms }) => terms.freshUntil <= now)
    return fresh.find(({ names, values }) => selects(names, values, fields))
  }

  function add({ target }: Asked, asked: FieldLines, answer: Answer, fields: string, terms: KeptTerms): boolean {
    const names = selectingFields(answer.fields.get('vary'), [])
    const values = names && selectedFor(names, asked)
    if (names === undefined || values === undefined) return false
    const size = OVERHEAD_BYTES + target.length + fields.length + answer.body.length
    if (size > mostBytes) return false
    const before = drop(target, (one) => selects(one.names, one.values, asked)).slice(1 - MOST_VARIANTS)
    drop(target, (one) => !before.includes(one))
    byTarget.delete(target)
    byTarget.set(target, [...before, { answer, fields, terms, names, values, bytes: size }])
    bytes += size
    for (const oldest of byTarget.keys()) {
      if (bytes <= mostBytes) break
      drop(oldest, () => true)
    }
    return true
  }

  return {
    get bytes() {
      return bytes
    },
    find(call, now) {
      const found = freshFor(call, now)
      if (found === undefined) return undefined
      const age = Math.max(0, Math.floor((now - found.terms.bornAt) / 1000))
      return { ...found.answer, fields: new FieldLines(`${found.fields}Age: ${age}\r\n`) }
    },
    keep(call, answer, times) {
      if (!isPlain(call) || answer.status !== 200) return false
      const asked = new FieldLines(call.fields)
      const terms = judge(
        {
          method: call.method,
          requestDirectives: parseDirectives(asked.get('cache-control')),
          authorized: asked.has('authorization'),
          status: answer.status,
          fields: answer.fields,
          ...times,
        },
        TERMS,
      )
      if (terms === undefined || terms.checked || terms.freshUntil <= times.answeredAt) return false
      const stored = new FieldLines(answer.fields.text)
      for (const name of [...terms.dropped, 'age']) stored.delete(name)
      return add(call, asked, answer, stored.text, terms)
    },
    give(call, now) {
      const found = freshFor(call, now)
      if (found === undefined || found.answer.body.length > MOST_GIVEN) return undefined
      const { answer, fields, terms } = found
      return {
        ...{ status: answer.status, lines: fields, body: answer.body.toString('base64') },
        ...{ times: [terms.bornAt - now, terms.freshUntil - now], sentAt: Date.now(), fresh: true },
        ...{ strict: false, checked: false, dropped: [], asIs: true },
      }
    },
    take(call, { lines, body, times, sentAt }, now) {
      const [born, until] = times
      if (typeof born !== 'number' || typeof until !== 'number') return
      const then = now - Math.min(LONGEST_MS, Math.max(0, Date.now() - sentAt))
      const terms = { bornAt: then + born, freshUntil: then + until }
      if (terms.freshUntil <= now) return
      const fields = new FieldLines(lines)
      const answer = { status: 200, statusText: '200 OK', fields, body: Buffer.from(body, 'base64'), instance: '' }
      add(call, new FieldLines(call.fields), answer, lines, terms)
    },
  }
}

function isPlain({ method, body }: Asked): boolean {
  return method === 'GET' && (body === undefined || body.length === 0)
}
