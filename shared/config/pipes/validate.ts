// The options of `validate`.
import { resolve } from 'node:path'
import { z } from 'zod'
import type { Path } from '../document.js'
import type { Context } from '../normalise/context.js'
import { quoted } from '../problem.js'
import { isObject } from '../reader.js'
import { count, nonEmpty, size, text } from '../schema/fields.js'
import { readSmallFile } from '../small-file.js'
import { sizeBytes } from '../text/size.js'
import { builtIn } from './builtin.js'
import { compileSchema } from './json-schema.js'
import { mediaTypeFault } from './media-types.js'
import { isSlowPattern } from './schema-pattern.js'

export interface ValidateOptions {
  /** JSON Schema, as plain data. */
  readonly schema: unknown
  readonly status: number
  /** Media types in lower case that are validated. */
  readonly types: readonly string[]
  /** What becomes of a body of another type. */
  readonly otherTypes: 'refuse' | 'pass'
  /** Whether there must be a body. */
  readonly required: boolean
  /** Failures that a refusal lists. */
  readonly failures: number
  /** A longer body is refused with 413. */
  readonly bodyBytes: number
}

const TYPES = ['application/json', '*+json']
const MOST_BODY = 64 * 1024 * 1024

const schema = z.strictObject({
  schema: z
    .union([z.boolean(), z.record(z.string(), z.unknown())], { error: 'a JSON Schema is an object' })
    .optional()
    .meta({ description: 'JSON Schema of the body: draft 2020-12, or what its $schema says.' }),
  schema_file: nonEmpty().optional().meta({ description: 'In its place: a JSON file with it, relative to this file.' }),
  status: count(400, 499).optional().meta({ description: 'Status of a refusal.', default: 400 }),
  types: z
    .array(text(mediaTypeFault))
    .min(1)
    .optional()
    .meta({ description: 'Media types of bodies that are validated.', default: TYPES }),
  other_types: z
    .enum(['refuse', 'pass'])
    .optional()
    .meta({ description: 'What becomes of a body of another type.', default: 'refuse' }),
  required: z.boolean().optional().meta({ description: 'Whether a request must have a body.', default: true }),
  failures: count(1, 100).optional().meta({ description: 'Failures that a refusal lists.', default: 10 }),
  body: size(1, MOST_BODY).optional().meta({ description: 'A longer body is refused with 413.', default: '1MiB' }),
})

export const validate = builtIn({
  name: 'validate',
  description: 'Refuses requests whose JSON body does not fit a schema.',
  schema,
  read(draft, path, context): ValidateOptions {
    const { report } = context
    const failures = draft.failures ?? 10
    if (draft.schema !== undefined && draft.schema_file !== undefined)
      report.fault([...path, 'schema_file'], { message: '"schema" is there too', hint: 'keep one of the two' }, 'key')
    const key = draft.schema_file === undefined ? 'schema' : 'schema_file'
    const given = draft.schema_file === undefined ? draft.schema : readFile(draft.schema_file, path, context)
    if (given === undefined && !report.has([...path, key]))
      report.fault(path, 'to validate needs "schema" or "schema_file"', 'key')
    if (given !== undefined) {
      const made = compileSchema(given, failures)
      if (typeof made !== 'function') report.fault([...path, key], made)
      for (const pattern of slowPatterns(given))
        report.warn([...path, key], `the pattern ${quoted(pattern)} could take very long for texts that clients choose`)
    }
    return {
      schema: given ?? true,
      status: draft.status ?? 400,
      types: draft.types?.flatMap((type) => (type === undefined ? [] : [type.toLowerCase()])) ?? TYPES,
      otherTypes: draft.other_types ?? 'refuse',
      required: draft.required ?? true,
      failures,
      bodyBytes: sizeBytes(draft.body ?? 1024 * 1024) ?? 0,
    }
  },
})

function readFile(name: string, path: Path, { directory, report }: Context): unknown {
  const at = [...path, 'schema_file']
  const file = readSmallFile(resolve(directory, name))
  if (!file.ok) {
    report.fault(at, file.absent ? { message: file.message, hint: 'it is relative to this config file' } : file.message)
    return undefined
  }
  try {
    return JSON.parse(file.bytes.toString('utf8')) as unknown
  } catch {
    report.fault(at, 'the file holds no JSON')
    return undefined
  }
}

/** Of the patterns that cannot be matched in linear time those are told of that repeat what repeats. */
function slowPatterns(schema: unknown): string[] {
  const found = new Set<string>()
  JSON.stringify(schema, (key, value: unknown) => {
    if (key === 'pattern' && typeof value === 'string') found.add(value)
    if (key === 'patternProperties' && isObject(value)) for (const name of Object.keys(value)) found.add(name)
    return value
  })
  return [...found].filter(isSlowPattern)
}
