// The options of `log`.
import { z } from 'zod'
import { nonEmpty, oneOf, text } from '../schema/fields.js'
import { fieldNameFault } from '../text/http.js'
import { builtIn } from './builtin.js'
import { part, readPart } from './traffic.js'

/** What a line may say; those of an exchange, and those of its end. */
export const LOG_FIELDS = [
  'request',
  'trace',
  'client',
  'method',
  'host',
  'path',
  'query',
  'route',
  'service',
  'instance',
  'status',
  'error',
  'attempts',
  'duration',
  'bytes_in',
  'bytes_out',
] as const

export type LogField = (typeof LOG_FIELDS)[number]

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: readonly LogField[]
  /** In lower case. */
  readonly requestHeaders: readonly string[]
  readonly answerHeaders: readonly string[]
  /** Fields whose values are never shown, in lower case. */
  readonly redact: readonly string[]
  /** The same, of what other pipes of the config find credentials in. */
  readonly credentials: readonly string[]
  /** 0 to 1. */
  readonly share: number
}

/** What lets whoever reads a log act as somebody else. */
export const ALWAYS_REDACTED = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-csrf-token',
  'x-amz-security-token',
] as const

const FIELDS: readonly LogField[] = [
  'request',
  'client',
  'method',
  'host',
  'path',
  'service',
  'status',
  'error',
  'duration',
]

export const fieldNames = () => z.array(text(fieldNameFault))

export function lowerNames(given: readonly (string | undefined)[] | undefined): string[] {
  return [...new Set((given ?? []).flatMap((name) => (name === undefined ? [] : [name.toLowerCase()])))]
}

const schema = z.strictObject({
  level: oneOf(['debug', 'info', 'warn', 'error']).optional().meta({ description: 'Level.', default: 'info' }),
  message: nonEmpty().optional().meta({ description: 'Text of the line.', default: 'exchange' }),
  fields: z
    .array(oneOf(LOG_FIELDS))
    .min(1)
    .optional()
    .meta({ description: 'What the line says.', default: [...FIELDS] }),
  request_headers: fieldNames().optional().meta({ description: 'Header fields of the request that the line shows.' }),
  answer_headers: fieldNames().optional().meta({ description: 'Header fields of the answer that the line shows.' }),
  redact: fieldNames()
    .optional()
    .meta({ description: 'More fields whose values are never shown; authorization and cookie never are.' }),
  share: part().optional().meta({ description: 'Share of the exchanges; failed ones always have a line.', default: 1 }),
})

export const log = builtIn({
  name: 'log',
  description: 'Writes a line into the log for each exchange.',
  schema,
  read(draft, _, { credentials }): LogOptions {
    return {
      level: draft.level ?? 'info',
      message: draft.message ?? 'exchange',
      fields: draft.fields?.filter((field) => field !== undefined) ?? FIELDS,
      requestHeaders: lowerNames(draft.request_headers),
      answerHeaders: lowerNames(draft.answer_headers),
      redact: [...new Set([...ALWAYS_REDACTED, ...lowerNames(draft.redact)])],
      credentials,
      share: readPart(draft.share) ?? 1,
    }
  },
})
