// The options of `headers`.
import { z } from 'zod'
import type { Path } from '../document.js'
import type { Context, Draft } from '../normalise/context.js'
import { text } from '../schema/fields.js'
import { fieldNameFault, fieldValueFault } from '../text/http.js'
import { builtIn } from './builtin.js'
import { changedFieldFault, checkFieldNames } from './field-names.js'
import { template, toTemplate, type Template } from './template.js'

export interface HeadersOptions {
  readonly request: HeaderEdits
  readonly response: HeaderEdits
}

/** In this order. Names as they are to be sent; those that are looked for, in any case. */
export interface HeaderEdits {
  readonly rename: readonly (readonly [from: string, to: string])[]
  /** A last `*` stands for any end. */
  readonly remove: readonly string[]
  readonly set: readonly FieldValue[]
  readonly add: readonly FieldValue[]
}

export interface FieldValue {
  readonly name: string
  readonly value: Template
}

const removedFault = (name: string) => fieldNameFault(name.endsWith('*') ? name.slice(0, -1) : name)

const edits = (of: string) =>
  z.strictObject({
    rename: z
      .record(z.string(), text(fieldNameFault))
      .optional()
      .meta({ description: `Fields of the ${of} that get another name: old to new.` }),
    remove: z
      .array(text(removedFault))
      .optional()
      .meta({ description: `Fields to take from the ${of}; a last \`*\` stands for any end.` }),
    set: z
      .record(z.string(), template(fieldValueFault))
      .optional()
      .meta({ description: `Fields of the ${of}, in the place of all that have the name. Values may have places.` }),
    add: z
      .record(z.string(), template(fieldValueFault))
      .optional()
      .meta({ description: `Fields to add to the ${of}, whatever is there. Values may have places.` }),
  })

const schema = z.strictObject({
  request: edits('request').optional().meta({ description: 'What is changed in the request.' }),
  response: edits('answer').optional().meta({ description: 'What is changed in the answer.' }),
})

type EditsDraft = Draft<z.input<ReturnType<typeof edits>>>

export const headers = builtIn({
  name: 'headers',
  description: 'Sets, adds, removes and renames header fields of requests and answers.',
  schema,
  read(draft, path, context): HeadersOptions {
    if (draft.request === undefined && draft.response === undefined)
      context.report.warn(path, 'changes nothing: there is neither "request" nor "response"', 'key')
    return {
      request: readEdits(draft.request ?? {}, 'request', [...path, 'request'], context),
      response: readEdits(draft.response ?? {}, 'response', [...path, 'response'], context),
    }
  },
})

function readEdits(draft: EditsDraft, side: 'request' | 'response', path: Path, context: Context): HeaderEdits {
  for (const key of ['rename', 'set', 'add'] as const)
    checkFieldNames(Object.keys(draft[key] ?? {}), side, (name) => [...path, key, name], 'key', context)
  const rename = entries(draft.rename)
  for (const [from, to] of rename) {
    const fault = changedFieldFault(to, side)
    if (fault) context.report.fault([...path, 'rename', from], fault)
  }
  const remove = (draft.remove ?? []).filter((name) => name !== undefined)
  checkFieldNames(
    remove.map((name) => name.replace(/\*$/, '')),
    side,
    (_, i) => [...path, 'remove', i],
    'value',
    context,
  )
  return { rename, remove, set: readValues(draft.set), add: readValues(draft.add) }
}

function readValues(given: Draft<Record<string, string>> | undefined): FieldValue[] {
  return entries(given).map(([name, value]) => ({ name, value: toTemplate(value) }))
}

function entries(given: Draft<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(given ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
}
