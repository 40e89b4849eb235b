// Options of `filter`: what of a request reaches instances, and what of their answers reaches clients.
import { z } from 'zod'
import type { Fault } from '../problem.js'
import { nonEmpty, text } from '../schema/fields.js'
import { fieldNameFault } from '../text/http.js'
import { listed } from './auth-fields.js'
import { builtIn } from './builtin.js'

/** Plain JSON data. Undefined: everything passes. Names of fields in lower case; `x-acme-*` takes what begins so. */
export interface FilterOptions {
  readonly fields?: readonly string[]
  readonly query?: readonly string[]
  readonly answerFields?: readonly string[]
}

function listedFieldFault(name: string): Fault | undefined {
  return name === '*' ? undefined : fieldNameFault(name.endsWith('*') ? name.slice(0, -1) : name)
}

const fields = () => z.array(text(listedFieldFault)).optional()

const schema = z.strictObject({
  headers: fields().meta({ description: 'Fields of requests that pass; x-acme-* takes what begins so, *: all.' }),
  query: z.array(nonEmpty()).optional().meta({ description: 'Query parameters that pass; *: all.' }),
  answer_headers: fields().meta({ description: 'Fields of answers of instances that pass; *: all.' }),
})

export const filter = builtIn({
  name: 'filter',
  description: 'Lets nothing but what is listed pass to instances.',
  schema,
  guards: true,
  read(draft, path, { report }): FilterOptions {
    const keys = ['headers', 'query', 'answer_headers'] as const
    if (keys.every((key) => draft[key] === undefined && !report.has([...path, key])))
      report.fault(
        path,
        { message: 'there is nothing to filter', hint: `give ${keys.join(', ')} or some of them` },
        'key',
      )
    const lower = (names: readonly (string | undefined)[] | undefined) =>
      names === undefined ? undefined : someOrAll(listed(names).map((name) => name.toLowerCase()))
    const [asked, answered] = [lower(draft.headers), lower(draft.answer_headers)]
    const query = draft.query === undefined ? undefined : someOrAll(listed(draft.query))
    return {
      ...(asked && { fields: asked }),
      ...(query && { query }),
      ...(answered && { answerFields: answered }),
    }
  },
})

function someOrAll(names: readonly string[]): readonly string[] | undefined {
  return names.includes('*') ? undefined : names
}
