// The options of `rewrite`.
import { z } from 'zod'
import type { Fault } from '../problem.js'
import { nonEmpty, text } from '../schema/fields.js'
import { apiPathFault, trimSlash } from '../text/path.js'
import { builtIn } from './builtin.js'
import { patternFault } from './pattern.js'
import { template, toTemplate, type Template } from './template.js'

export interface RewriteOptions {
  /** In this order: what there is of it. */
  readonly stripPrefix?: string
  readonly pattern?: { readonly source: string; readonly replacement: string }
  readonly path?: Template
  readonly addPrefix?: string
  readonly query?: QueryEdits
}

/** Names as they stand in a query, decoded. */
export interface QueryEdits {
  readonly remove: readonly string[]
  readonly set: readonly (readonly [name: string, value: Template])[]
  readonly add: readonly (readonly [name: string, value: Template])[]
}

function prefixFault(path: string): Fault | undefined {
  if (path === '/') return { message: 'every path begins with "/"' }
  return /[{}*]/.test(path) ? { message: 'a prefix is a plain path, without "{" and "*"' } : apiPathFault(path)
}

function pathFault(path: string): Fault | undefined {
  if (!path.startsWith('/') || path.startsWith('//')) return { message: 'a path must begin with one "/"' }
  if (/[?#]/.test(path)) return { message: 'a path holds no "?" and no "#"', hint: 'use "query" to change the query' }
  return /^[\x21-\x7e]*$/.test(path) ? undefined : { message: 'a path holds printable ASCII only' }
}

const values = (description: string) => z.record(z.string(), template()).optional().meta({ description })

const schema = z.strictObject({
  strip_prefix: text(prefixFault)
    .optional()
    .meta({ description: 'Prefix to take from the path, in whole segments; paths without it stay.' }),
  pattern: text(patternFault)
    .optional()
    .meta({ description: 'Regular expression for the path; its first match becomes `replace`.' }),
  replace: z.string().optional().meta({ description: 'With $1 for the first group, $<name> for a named one.' }),
  path: template(pathFault)
    .optional()
    .meta({ description: 'Path in place of the old one, with places such as {param.id}.' }),
  add_prefix: text(prefixFault).optional().meta({ description: 'Prefix to put before the path.' }),
  query: z
    .strictObject({
      remove: z.array(nonEmpty()).optional().meta({ description: 'Parameters to take out.' }),
      set: values('Parameters in place of all with that name.'),
      add: values('Parameters to add.'),
    })
    .optional()
    .meta({ description: 'Changes of the query; what is not named stays byte for byte.' }),
})

export const rewrite = builtIn({
  name: 'rewrite',
  description: 'Changes the path and the query that instances are asked for.',
  schema,
  read(draft, path, { report }): RewriteOptions {
    const { pattern, replace, query } = draft
    if ((pattern === undefined) !== (replace === undefined)) {
      const [there, absent] = pattern === undefined ? ['replace', 'pattern'] : ['pattern', 'replace']
      if (!report.has([...path, absent as string]))
        report.fault([...path, there as string], { message: `"${absent}" is missing beside it` }, 'key')
    }
    if (draft.path !== undefined && (pattern !== undefined || draft.strip_prefix !== undefined))
      report.fault(
        [...path, 'path'],
        { message: '"path" takes the place of the whole path', hint: 'leave out strip_prefix and pattern' },
        'key',
      )
    if (Object.values(draft).every((value) => value === undefined))
      report.warn(path, 'changes nothing: there is nothing to rewrite', 'key')
    return {
      ...(draft.strip_prefix !== undefined && { stripPrefix: trimSlash(draft.strip_prefix) }),
      ...(pattern !== undefined && replace !== undefined && { pattern: { source: pattern, replacement: replace } }),
      ...(draft.path !== undefined && { path: toTemplate(draft.path) }),
      ...(draft.add_prefix !== undefined && { addPrefix: trimSlash(draft.add_prefix) }),
      ...(query && {
        query: {
          remove: (query.remove ?? []).filter((name) => name !== undefined),
          set: pairs(query.set),
          add: pairs(query.add),
        },
      }),
    }
  },
})

function pairs(given: Readonly<Record<string, string | undefined>> | undefined): [string, Template][] {
  return Object.entries(given ?? {}).flatMap(([name, value]): [string, Template][] =>
    value === undefined ? [] : [[name, toTemplate(value)]],
  )
}
