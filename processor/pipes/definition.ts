// The module of a user's pipe, as far as it can be judged without running the pipe.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { PipeDefinition } from './pipe.js'

/** What is wrong with one option; `path` leads to it. */
export interface OptionFault {
  readonly message: string
  readonly path: readonly (string | number)[]
}

export type CheckedOptions = { readonly value: unknown } | { readonly faults: readonly OptionFault[] }

const { cache: commonModules } = createRequire(import.meta.url)

/** `stamp`: another one loads the module anew. Rejects with what its code throws, or where it exports no pipe. */
export async function importDefinition(file: string, stamp = ''): Promise<PipeDefinition<unknown>> {
  const url = pathToFileURL(file)
  if (stamp !== '') {
    url.searchParams.set('v', stamp)
    // CommonJS knows a module by its path alone, and would go on with what the file held before.
    delete commonModules[file]
  }
  const { default: definition } = (await import(url.href)) as { default?: unknown }
  if (isDefinition(definition)) return definition
  throw new Error('it has no default export with a function "create", as docs/pipes/writing.md shows')
}

function isDefinition(value: unknown): value is PipeDefinition<unknown> {
  return typeof value === 'object' && value !== null && 'create' in value && typeof value.create === 'function'
}

/** Rejects where the schema itself throws. */
export async function checkOptions(definition: PipeDefinition<unknown>, options: unknown): Promise<CheckedOptions> {
  const schema = definition.options
  if (schema === undefined) return { value: options }
  if (!isSchema(schema)) throw new Error('its "options" are no Standard Schema, such as one of zod from 3.24 on')
  const result = await schema['~standard'].validate(options)
  if (result.issues === undefined) return { value: result.value }
  return {
    faults: result.issues.map(({ message, path }) => ({ message: String(message), path: (path ?? []).map(stepOf) })),
  }
}

/** Code without types may give anything. */
function isSchema(given: unknown): boolean {
  const standard: unknown = (given as { readonly '~standard'?: unknown } | null)?.['~standard']
  return typeof (standard as { readonly validate?: unknown } | undefined)?.validate === 'function'
}

function stepOf(step: PropertyKey | { readonly key: PropertyKey }): string | number {
  const key = typeof step === 'object' ? step.key : step
  return typeof key === 'number' ? key : String(key)
}
