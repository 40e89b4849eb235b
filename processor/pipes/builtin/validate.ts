// `validate`: refuses requests whose JSON body does not fit a schema, and says what does not fit.
import { compileSchema, type Failure, type SchemaCheck, TooMuchWork } from '../../../shared/config/pipes/json-schema.js'
import { createTypeTest } from '../../../shared/config/pipes/media-types.js'
import { TextTooLong } from '../../../shared/config/pipes/schema-pattern.js'
import type { ValidateOptions } from '../../../shared/config/pipes/validate.js'
import { contentTypeOf } from '../content-type.js'
import { definePipe, type PipeExchange, type Reply } from '../pipe.js'
import { refuse } from '../refusing.js'
import { hasRepeatedNames } from '../repeated-names.js'

export default definePipe<ValidateOptions>({
  buffer: ({ bodyBytes }) => ({ request: bodyBytes }),
  create({ schema, status, types, otherTypes, required, failures }) {
    const check = compileSchema(schema, failures)
    if (typeof check !== 'function') throw new TypeError(check.message)
    const isChecked = createTypeTest(types)
    let refused = 0

    function fail(x: PipeExchange, detail: string, errors?: readonly Failure[]): Reply {
      refused++
      return refuse(x, 'invalid-request', detail, {}, { status, more: errors && { errors } })
    }

    return {
      onRequest(x): Reply | undefined {
        const { body } = x
        if (body === undefined || body.length === 0) return required ? fail(x, 'a body is required') : undefined
        const type = contentTypeOf(x.headers)
        if (type === undefined || !isChecked(type)) {
          const passes = type !== undefined && otherTypes === 'pass'
          return passes ? undefined : fail(x, 'the content type of the body is not expected here')
        }
        if (x.headers.has('content-encoding')) return fail(x, 'an encoded body cannot be checked')
        const read = parse(body)
        if (read === undefined) return fail(x, 'the body is not JSON')
        if (hasRepeatedNames(read.text, read.value)) return fail(x, 'an object of the body has two members of one name')
        const found = failuresOf(check, read.value, body.length)
        if (typeof found === 'string') return fail(x, found)
        return found.length === 0 ? undefined : fail(x, 'the body does not fit its schema', found)
      },
      metrics: () => ({ refused }),
    }
  },
})

/** All failures of a longer body would take long to find: of such a one the first is told. */
const MOST_SEARCHED_BYTES = 16 * 1024

/** A text: why that cannot be found out. */
function failuresOf(check: SchemaCheck, value: unknown, bytes: number): readonly Failure[] | string {
  try {
    const found = check(value, false, bytes)
    return found.length > 0 && bytes <= MOST_SEARCHED_BYTES
      ? allFailures(() => check(value, true, bytes), found)
      : found
  } catch (error) {
    if (error instanceof TooMuchWork) return 'the body takes too long to be checked'
    if (error instanceof TextTooLong) return 'the body has a text that is too long for its pattern'
    // A schema that refers to itself went deeper than the stack.
    if (error instanceof RangeError) return 'the body is nested too deeply'
    throw error
  }
}

/** One is known: that the others take too long to be found changes nothing. */
function allFailures(search: () => readonly Failure[], first: readonly Failure[]): readonly Failure[] {
  try {
    return search()
  } catch (error) {
    if (error instanceof TooMuchWork) return first
    throw error
  }
}

/** Strict UTF-8 (RFC 8259 section 8.1). */
const decoder = new TextDecoder('utf-8', { fatal: true })

function parse(body: Buffer): { readonly text: string; readonly value: unknown } | undefined {
  try {
    const text = decoder.decode(body)
    return { text, value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}
