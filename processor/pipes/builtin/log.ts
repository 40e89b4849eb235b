// `log`: a line for each exchange, with what the config wants of it and nothing that is a secret.
import type { LogField, LogOptions } from '../../../shared/config/pipes/log.js'
import { definePipe, type FieldLines, type Outcome, type Pipe, type PipeExchange } from '../pipe.js'
import { createRedaction, type Redaction } from '../redacted.js'

/** Of one value. */
const MOST_CHARS = 1024

type Read = (x: PipeExchange, outcome: Outcome, redaction: Redaction) => unknown

const READ: Readonly<Record<LogField, Read>> = {
  request: (x) => x.id,
  trace: (x) => x.traceId,
  client: (x) => x.address,
  method: (x) => x.method,
  host: (x) => x.host,
  path: (x) => x.path,
  query: (x, _, redaction) => redaction.target(queryOf(x.asked)),
  route: (x) => x.route,
  service: (x) => x.service,
  instance: (_, { instance }) => instance,
  status: (_, { status }) => status,
  error: (_, { error }) => error,
  attempts: (_, { attempts }) => attempts,
  duration: (_, { durationMs }) => Math.round(durationMs * 1000) / 1000,
  bytes_in: (_, { bytesIn }) => bytesIn,
  bytes_out: (_, { bytesOut }) => bytesOut,
}

const NAMES: Readonly<Partial<Record<LogField, string>>> = {
  duration: 'durationMs',
  bytes_in: 'bytesIn',
  bytes_out: 'bytesOut',
}

/** Two of these may be on the way of one exchange. */
let made = 0

export default definePipe<LogOptions>({
  create(options, tools) {
    const { level, message, requestHeaders, answerHeaders, share } = options
    const redaction = createRedaction([...options.redact, ...options.credentials])
    const fields = options.fields.map((field) => [NAMES[field] ?? field, READ[field]] as const)
    const key = `log ${++made}`
    const pipe: Pipe = {
      onDone(x, outcome) {
        const failed = outcome.status >= 500 || outcome.error !== ''
        if (!failed && share < 1 && Math.random() >= share) return
        const line: Record<string, unknown> = {}
        for (const [name, read] of fields) {
          const value = read(x, outcome, redaction)
          if (value !== '') line[name] = typeof value === 'string' ? value.slice(0, MOST_CHARS) : value
        }
        const shown = x.state.get(key)
        if (requestHeaders.length > 0) line['requestHeaders'] = shownOf(x.headers, requestHeaders, redaction)
        if (shown !== undefined) line['answerHeaders'] = shown
        tools.log[level](line, message)
      },
    }
    if (answerHeaders.length > 0)
      pipe.onResponse = (x, { headers }) => void x.state.set(key, shownOf(headers, answerHeaders, redaction))
    return pipe
  },
})

function shownOf(fields: FieldLines, names: readonly string[], redaction: Redaction): Record<string, string> {
  const shown: Record<string, string> = {}
  for (const name of names) {
    const value = fields.get(name)
    if (value !== undefined) shown[name] = redaction.field(name, value).slice(0, MOST_CHARS)
  }
  return shown
}

function queryOf(asked: string): string {
  const at = asked.indexOf('?')
  return at === -1 ? '' : asked.slice(at + 1)
}
