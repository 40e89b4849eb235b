// The JSON Schema of config files, for editors.
import { z } from 'zod'
import { BUILT_INS } from '../pipes/index.js'
import { classicLayout, fullLayout } from './layouts.js'
import { pipeKeys } from './pipe.js'

type Schema = z.core.JSONSchema.BaseSchema

/** JSON Schema (draft 2020-12) of a config file in either layout. */
export function jsonSchema(): Record<string, unknown> {
  const builtIns = BUILT_INS.map(({ name, description, schema }) => {
    const use = z.literal(name).meta({ description: pipeKeys.use.description })
    return schema.extend({ ...pipeKeys, use }).meta({ id: idOf(name), description })
  })
  const all = z.union([fullLayout, classicLayout, ...builtIns])
  const {
    anyOf: _,
    $defs = {},
    ...schema
  } = z.toJSONSchema(all, { io: 'input', override: ({ jsonSchema }) => allowVariable(jsonSchema) })
  return {
    ...schema,
    title: 'serverpy config',
    if: { type: 'object', required: ['version'] },
    then: { $ref: '#/$defs/Full' },
    else: { $ref: '#/$defs/Classic' },
    $defs: {
      ...$defs,
      ...pipeOf($defs['Pipe'] ?? {}),
      Variable: { type: 'string', pattern: '\\$\\{[^}]+\\}', description: 'Text with a ${VARIABLE}.' },
    },
  }
}

/** `Pipe` is one of the built-ins, or a module, whose options nobody here knows. */
function pipeOf({ description, ...module }: Schema): Record<string, Schema> {
  const names = BUILT_INS.map(({ name }) => name)
  const { use, ...keys } = module.properties as Record<string, Schema>
  const other = { ...use, pattern: `^(?!(?:${names.join('|')})$)` }
  const choices = [...names.map(idOf), 'PipeModule'].map((id) => ({ $ref: `#/$defs/${id}` }))
  return {
    Pipe: { description, anyOf: choices } as Schema,
    PipeModule: {
      ...module,
      description: "A user's own module, with its options beside these keys.",
      properties: { use: other, ...keys },
    } as Schema,
  }
}

/** `auth-jwt` is `PipeAuthJwt`. */
function idOf(name: string): string {
  return `Pipe${name.replace(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase())}`
}

const NUMBERS = new Set<unknown>(['number', 'integer', 'boolean'])

/** Where the file may say `${PORT}`, an editor must not ask for a number. */
function allowVariable(schema: Schema): void {
  if ('const' in schema || !(NUMBERS.has(schema.type) || schema.pattern !== undefined || schema.enum)) return
  const { description, default: fallback, ...own } = schema
  for (const key of Object.keys(schema)) delete schema[key]
  Object.assign(schema, description !== undefined && { description }, fallback !== undefined && { default: fallback })
  schema.anyOf = [own as z.core.JSONSchema.JSONSchema, { $ref: '#/$defs/Variable' }]
}
