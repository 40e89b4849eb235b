// A built-in pipe as the config knows it: its options as a schema for the file, and as the plain data that the pipe gets.
import type { z } from 'zod'
import type { Path } from '../document.js'
import type { Context, Draft } from '../normalise/context.js'

export interface BuiltIn {
  readonly name: string
  /** One sentence, for the JSON Schema and the docs. */
  readonly description: string
  /** Options only, as a strict object: `use` and the keys that every pipe has are not among them. */
  readonly schema: z.ZodObject
  /** Without it, requests would pass that must not: so nothing may go on without it. May depend on its options. */
  readonly guards?: true | ((options: unknown) => boolean)
  /** Plain JSON data, frozen later: defaults applied, milliseconds, bytes. Faults go to `context.report`. */
  read(draft: Draft<unknown>, path: Path, context: Context): unknown
}

/** Ties the schema, the draft and the options of one pipe together. */
export function builtIn<S extends z.ZodObject, O>(of: {
  readonly name: string
  readonly description: string
  readonly schema: S
  readonly guards?: true | ((options: O) => boolean)
  read(draft: Draft<z.input<S>>, path: Path, context: Context): O
}): BuiltIn & { read(draft: Draft<z.input<S>>, path: Path, context: Context): O } {
  return of as unknown as BuiltIn & { read(draft: Draft<z.input<S>>, path: Path, context: Context): O }
}
