// Holds a part of a document against a schema: what does not fit is told and taken out, and the rest is still checked.
import type { z } from 'zod'
import type { Document, Path } from './document.js'
import { findings, prune } from './findings.js'
import type { Report } from './problem.js'
import { isObject } from './reader.js'
import { isReference, scalarOf } from './variables.js'

/** Returns what is left at `base`. `told` are keys of the file whose absence is reported already. */
export function check(
  schema: z.ZodType,
  document: Document,
  report: Report,
  { base = [], told = [] }: { readonly base?: Path; readonly told?: readonly string[] } = {},
): unknown {
  let found = findings(schema, document, base)
  if (found.filter(({ path }) => coerce(document, path)).length > 0) found = findings(schema, document, base)
  for (const { path, part, missing, ...fault } of found) {
    if (missing && path.length === 1 && told.includes(String(path[0]))) continue
    report.fault(path, fault, part)
  }
  for (const { path } of found) prune(document, path)
  return document.value(base)
}

/** A variable's value is text until the schema asks for a number or a boolean and it spells one. */
function coerce(document: Document, path: Path): boolean {
  const value = document.value(path)
  const scalar = typeof value === 'string' && isReference(document.template(path) ?? '') ? scalarOf(value) : undefined
  const parent = document.value(path.slice(0, -1))
  if (scalar === undefined || !isObject(parent)) return false
  parent[path.at(-1) ?? ''] = scalar
  return true
}
