// What a schema has at a place of a document: the hints of faults are made of it.
import { z } from 'zod'
import type { Path } from './document.js'

/** The keys that an object at `path` may have. */
export function knownKeys(schema: z.ZodType, path: Path): string[] {
  return objectsAt(schema, path).flatMap(({ shape }) => Object.keys(shape))
}

/** Of those the ones that are objects with this key: where it belongs, when it stands beside them. */
export function homesOf(key: string, schema: z.ZodType, path: Path): string[] {
  const homes = objectsAt(schema, path).flatMap(({ shape }) =>
    Object.entries(shape).filter(([, part]) => alternatives(part).some((at) => isObjectWith(key, at))),
  )
  return [...new Set(homes.map(([name]) => name))]
}

/** The one key that objects at `path`, or in the list there, cannot be without; undefined where there are none or several. */
export function soleKey(schema: z.ZodType, path: Path): string | undefined {
  const lists = at(schema, path).flatMap((here) => (here instanceof z.ZodArray ? alternatives(here.element) : [here]))
  const needed = lists.flatMap((here) => (here instanceof z.ZodObject ? Object.entries(here.shape) : []))
  const [only, ...others] = needed.filter(([, part]) => !(part instanceof z.ZodOptional))
  return others.length === 0 ? only?.[0] : undefined
}

function objectsAt(schema: z.ZodType, path: Path): z.ZodObject[] {
  return at(schema, path).filter((here) => here instanceof z.ZodObject)
}

function at(schema: z.ZodType, path: Path): unknown[] {
  let here = alternatives(schema)
  for (const step of path) here = here.flatMap((one) => inside(one, step)).flatMap(alternatives)
  return here
}

function isObjectWith(key: string, schema: unknown): boolean {
  return schema instanceof z.ZodObject && Object.hasOwn(schema.shape, key)
}

function alternatives(schema: unknown): unknown[] {
  if (schema instanceof z.ZodOptional) return alternatives(schema.unwrap())
  return schema instanceof z.ZodUnion ? schema.options.flatMap(alternatives) : [schema]
}

function inside(schema: unknown, step: string | number): unknown[] {
  if (schema instanceof z.ZodArray && typeof step === 'number') return [schema.element]
  if (schema instanceof z.ZodRecord && typeof step === 'string') return [schema.valueType]
  if (!(schema instanceof z.ZodObject) || typeof step !== 'string') return []
  const known: unknown = Object.hasOwn(schema.shape, step) ? schema.shape[step] : schema.def.catchall
  return known === undefined ? [] : [known]
}
