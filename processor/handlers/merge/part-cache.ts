// Answers of a service that are still fresh, for one part: what RFC 9111 lets a shared cache keep, and nothing stale.
import type { Answer, Call } from '../../call.js'
import { FieldLines } from '../../field-lines.js'
import { parseDirectives } from '../../pipes/cache/directives.js'
import { judge, type Judged, type Terms } from '../../pipes/cache/policy.js'
import { selectedFor, selectingFields, selects, type Selected, type Selecting } from '../../pipes/cache/vary.js'

interface PartCache {
  /** An answer that is fresh at `now`, monotonic milliseconds. */
  find(call: Call, now: number): Answer | undefined
  keep(call: Call, answer: Answer, times: Pick<Judged, 'askedAt' | 'answeredAt' | 'wallMs'>): void
  readonly bytes: number
}

interface Kept {
  readonly answer: Answer
  readonly fields: string
  readonly terms: Terms
  readonly names: Selecting
  readonly values: Selected
  readonly bytes: number
}

const TERMS = { ttlMs: 0, heuristic: 0, setCookie: false, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 }
/** Of one target, told apart by Vary. */
const MOST_VARIANTS = 16
/** What an entry costs beside its texts and its body. */
const OVERHEAD_BYTES = 1000

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

  return {
    get bytes() {
      return bytes
    },
    find(call, now) {
      if (!isPlain(call)) return undefined
      if (!byTarget.has(call.target)) return undefined
      const fields = new FieldLines(call.fields)
      const fresh = drop(call.target, ({ terms }) => terms.freshUntil <= now)
      const found = fresh.find(({ names, values }) => selects(names, values, fields))
      if (found === undefined) return undefined
      const age = Math.max(0, Math.floor((now - found.terms.bornAt) / 1000))
      return { ...found.answer, fields: new FieldLines(`${found.fields}Age: ${age}\r\n`) }
    },
    keep(call, answer, times) {
      if (!isPlain(call) || answer.status !== 200) return
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
      if (terms === undefined || terms.checked || terms.freshUntil <= times.answeredAt) return
      const names = selectingFields(answer.fields.get('vary'), [])
      const values = names && selectedFor(names, asked)
      if (names === undefined || values === undefined) return
      const stored = new FieldLines(answer.fields.text)
      for (const name of [...terms.dropped, 'age']) stored.delete(name)
      const size = OVERHEAD_BYTES + call.target.length + stored.text.length + answer.body.length
      if (size > mostBytes) return
      const before = drop(call.target, (one) => selects(one.names, one.values, asked)).slice(1 - MOST_VARIANTS)
      drop(call.target, (one) => !before.includes(one))
      byTarget.delete(call.target)
      byTarget.set(call.target, [...before, { answer, fields: stored.text, terms, names, values, bytes: size }])
      bytes += size
      for (const oldest of byTarget.keys()) {
        if (bytes <= mostBytes) break
        drop(oldest, () => true)
      }
    },
  }
}

function isPlain({ method, body }: Call): boolean {
  return method === 'GET' && (body === undefined || body.length === 0)
}
