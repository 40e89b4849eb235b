// Short forms for the schemas of the OpenAPI document: objects list every member, and all members are required unless named.

/** A schema of JSON Schema 2020-12, as OpenAPI 3.1 uses it. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly enum?: readonly (string | number | boolean | null)[]
  readonly const?: string | number | boolean
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly oneOf?: readonly Schema[]
  readonly $ref?: string
}

export function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

export function array(items: Schema): Schema {
  return { type: 'array', items }
}

export function map(values: Schema): Schema {
  return { type: 'object', additionalProperties: values }
}

export function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values }
}

/** The same schema, null allowed. */
export function nullable(schema: Schema): Schema {
  return {
    ...schema,
    type: [schema.type, 'null'].flat().filter((type) => type !== undefined),
    ...(schema.enum && { enum: [...schema.enum, null] }),
  }
}

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** A list with the cursor of its next page, absent on the last. */
export function pageOf(item: Schema): Schema {
  return object({ items: array(item), cursor: text }, ['cursor'])
}

export const text: Schema = { type: 'string' }
export const flag: Schema = { type: 'boolean' }
export const number: Schema = { type: 'number', minimum: 0 }
export const anyNumber: Schema = { type: 'number' }
export const count: Schema = { type: 'integer', minimum: 0 }
export const time: Schema = { type: 'string', format: 'date-time' }
