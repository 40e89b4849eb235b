// Lets nothing but what is listed pass: a request reaches an instance with no more than that instance expects.
import type { FilterOptions } from '../../../shared/config/pipes/filter.js'
import { withoutParameters } from '../auth/credentials.js'
import { definePipe, type FieldLines } from '../pipe.js'

/** Where a message ends, what the gateway itself says, and without what a body cannot be read. */
const ALWAYS = [
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'traceparent',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
]
/** What an answer's body is, and what the gateway says of it. */
const ALWAYS_ANSWERED = [
  'age',
  'cache-status',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-request-id',
]

export default definePipe<FilterOptions>({
  create({ fields, query, answerFields }) {
    const keep = fields && createSieve([...ALWAYS, ...fields])
    const keepAnswered = answerFields && createSieve([...ALWAYS_ANSWERED, ...answerFields])
    const parameters = query && new Set(query)
    const drops = (name: string): boolean => parameters?.has(name) === false
    return {
      ...((keep ?? parameters) && {
        onRequest(x) {
          keep?.(x.headers)
          if (parameters !== undefined && x.target.includes('?')) x.target = withoutParameters(x.target, drops, ';')
        },
      }),
      ...(keepAnswered && {
        onResponse(_x, { from, headers }) {
          if (from === 'instance') keepAnswered(headers)
        },
      }),
    }
  },
})

/** Names in lower case; one with `*` at its end takes what begins so. */
function createSieve(names: readonly string[]): (lines: FieldLines) => void {
  const exact = new Set(names.filter((name) => !name.endsWith('*')))
  const beginnings = names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))
  return (lines) => {
    const { text } = lines
    let kept = ''
    for (let at = 0; at < text.length;) {
      const end = text.indexOf('\r\n', at) + 2
      // Lines end in CRLF; what does not is not passed on.
      if (end === 1) break
      const name = text.slice(at, text.indexOf(':', at)).toLowerCase()
      if (exact.has(name) || beginnings.some((beginning) => name.startsWith(beginning))) kept += text.slice(at, end)
      at = end
    }
    if (kept.length !== text.length) lines.text = kept
  }
}
