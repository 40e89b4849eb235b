// JSON Schemas of a config: compiled here, for the check of the file and for the pipe that validates.
import { createRequire } from 'node:module'
import type { _ as Tagged, Ajv, AnySchema, CodeKeywordDefinition, ErrorObject, Options, ValidateFunction } from 'ajv'
import type { Fault } from '../problem.js'
import { createSchemaPattern } from './schema-pattern.js'

/**
 * `all`: every failure is looked for, and not the first one alone; a long value can have very many. `bytes`: of its text.
 * Throws `TooMuchWork`.
 */
export type SchemaCheck = (value: unknown, all: boolean, bytes: number) => readonly Failure[]

export interface Failure {
  /** JSON pointer (RFC 6901) of what does not fit; empty for the whole. */
  readonly at: string
  readonly message: string
}

/** Loaded when a config has a schema: compilers of schemas are large. */
const require = createRequire(import.meta.url)

const MOST_PATH_CHARS = 200

/** A schema that refers to itself may look at each level of a value several times as often as at the one above. */
export class TooMuchWork extends Error {}

/** References that are followed for one value: some tenths of a second for a short one. */
const MOST_REFERENCES = 250_000
/** And so many more for each byte of its text: lists of small members have as many. */
const REFERENCES_PER_BYTE = 0.5
/** Items are compared by their texts: so many characters take as long as a reference. */
const CHARS_AS_REFERENCE = 10
/** Where every failure is looked for each costs more, and values are short. */
const MOST_REFERENCES_FOR_ALL = 30_000

/** Draft 2020-12, or 2019-09 or 07 where `$schema` says so. At most `most` failures are told. */
export function compileSchema(schema: unknown, most: number): SchemaCheck | Fault {
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema)))
    return { message: 'a JSON Schema is an object' }
  let first: ValidateFunction
  let every: ValidateFunction
  // The schema itself is checked by one, too.
  let left = Infinity
  const spend: Spend = (references) => {
    left -= references
    if (left < 0) throw new TooMuchWork('the value takes too long to be checked')
  }
  try {
    first = compilerFor(schema, false, spend).compile(schema as AnySchema)
    every = compilerFor(schema, true, spend).compile(schema as AnySchema)
  } catch (error) {
    const said = error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, 300) : ''
    return { message: `not a JSON Schema: ${said}` }
  }
  if ('$async' in first) return { message: 'not a JSON Schema: "$async" is not supported' }
  return (value, all, bytes) => {
    const validate = all ? every : first
    left = all ? MOST_REFERENCES_FOR_ALL : MOST_REFERENCES + bytes * REFERENCES_PER_BYTE
    return validate(value) === true ? [] : (validate.errors ?? []).slice(0, most).map(failureOf)
  }
}

/** Throws `TooMuchWork` where all that may be has been spent. */
type Spend = (references: number) => void

function compilerFor(schema: boolean | object, allErrors: boolean, spend: Spend): Ajv {
  const named = typeof schema === 'object' && '$schema' in schema ? String(schema.$schema) : ''
  const options: Options = {
    allErrors,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    logger: false,
    // Values of clients do not belong into messages, and defaults not into their bodies.
    verbose: false,
    messages: true,
    validateFormats: true,
    code: { regExp: Object.assign(createSchemaPattern, { code: 'createSchemaPattern' }) },
  }
  const compiler = new (compilerClass(named))(options)
  const addFormats = require('ajv-formats') as { default: (ajv: Ajv) => Ajv }
  addFormats.default(compiler)
  replaceSlow(compiler, spend)
  countReferences(compiler, spend)
  return compiler
}

/** The time of its pattern grows faster than the length. */
const MOST_URL_CHARS = 2048

/** What would take the square of a body's length, which a client chooses. */
function replaceSlow(compiler: Ajv, spend: Spend): void {
  const url = compiler.formats['url']
  if (url instanceof RegExp)
    compiler.addFormat('url', (text: string) => text.length <= MOST_URL_CHARS && url.test(text))
  compiler.removeKeyword('uniqueItems')
  compiler.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    compile: (wanted: boolean) => (items: readonly unknown[]) => !wanted || areUnique(items, spend),
    error: { message: 'must NOT have duplicate items' },
  })
}

function countReferences(compiler: Ajv, spend: Spend): void {
  for (const keyword of ['$ref', '$dynamicRef', '$recursiveRef']) {
    const known = compiler.getKeyword(keyword)
    if (typeof known !== 'object') continue
    const { schemaType, code } = known as CodeKeywordDefinition
    compiler.removeKeyword(keyword)
    compiler.addKeyword({
      keyword,
      ...(schemaType !== undefined && { schemaType }),
      code(context, type) {
        const { _: asCode } = require('ajv') as { _: typeof Tagged }
        const called = context.gen.scopeValue('func', { ref: spend })
        context.gen.code(asCode`${called}(1)`)
        code(context, type)
      },
    })
  }
}

function areUnique(items: readonly unknown[], spend: Spend): boolean {
  if (items.length < 2) return true
  const inside = items.filter((item) => typeof item === 'object' && item !== null)
  const texts = new Set<string>()
  for (const item of inside) {
    const text = JSON.stringify(item, inOrder)
    // A list in a list in a list is written as often as it is deep.
    spend(text.length / CHARS_AS_REFERENCE)
    texts.add(text)
  }
  const plain = new Set(items.filter((item) => typeof item !== 'object' || item === null))
  return texts.size + plain.size === items.length
}

/** Objects with the same members are equal, in whatever order these come. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}

type CompilerClass = new (options: Options) => Ajv

function compilerClass(named: string): CompilerClass {
  if (/draft-0[467]/.test(named)) return (require('ajv') as { Ajv: CompilerClass }).Ajv
  if (named.includes('2019-09')) return (require('ajv/dist/2019') as { Ajv2019: CompilerClass }).Ajv2019
  return (require('ajv/dist/2020') as { Ajv2020: CompilerClass }).Ajv2020
}

function failureOf({ instancePath, message, keyword, params }: ErrorObject): Failure {
  const more = detailOf(keyword, params as Record<string, unknown>)
  return { at: instancePath.slice(0, MOST_PATH_CHARS), message: `${message ?? 'does not fit'}${more}` }
}

/** What the schema allows; never what the client sent. */
function detailOf(keyword: string, params: Record<string, unknown>): string {
  if (keyword === 'enum') return `: ${JSON.stringify(params['allowedValues']).slice(0, MOST_PATH_CHARS)}`
  if (keyword === 'const') return `: ${JSON.stringify(params['allowedValue']).slice(0, MOST_PATH_CHARS)}`
  if (keyword === 'additionalProperties')
    return `: ${JSON.stringify(String(params['additionalProperty']).slice(0, MOST_PATH_CHARS))}`
  return ''
}
