// Which requests a route takes.
import type { Path } from '../document.js'
import type { FieldMatch, RouteConfig, RouteMatch } from '../model.js'
import type { RouteInput } from '../schema/layouts.js'
import { plainHostPattern } from '../text/host.js'
import { matchedFieldFault } from '../text/http.js'
import { trimSlash } from '../text/path.js'
import type { Context, Draft } from './context.js'

export function readMatch(
  draft: NonNullable<Draft<RouteInput>['match']>,
  path: Path,
  { report }: Context,
): RouteMatch | undefined {
  for (const name of Object.keys(draft.headers ?? {})) {
    const fault = matchedFieldFault(name)
    if (fault) report.fault([...path, 'headers', name], fault, 'key')
  }
  if (draft.path === undefined) return undefined
  return {
    hosts: listOf(draft.host).map(plainHostPattern),
    methods: listOf(draft.methods),
    path: trimSlash(draft.path),
    exact: draft.exact ?? false,
    headers: fieldsOf(draft.headers, (name) => name.toLowerCase()),
    query: fieldsOf(draft.query, (name) => name),
  }
}

function listOf(given: string | (string | undefined)[] | undefined): string[] {
  const list = (Array.isArray(given) ? given : [given]).filter((one) => one !== undefined)
  return [...new Set(list)]
}

function fieldsOf(
  given: Draft<Record<string, string | true>> | undefined,
  spell: (name: string) => string,
): FieldMatch[] {
  return Object.entries(given ?? {}).map(([name, value]) =>
    typeof value === 'string' ? { name: spell(name), value } : { name: spell(name) },
  )
}

/** Equal for two matches that take the same requests: names of parameters and the order of lists say nothing. */
export function matchKey({ listener, match }: Pick<RouteConfig, 'listener' | 'match'>): string {
  const { hosts, methods, path, exact, headers, query } = match
  const sorted = (fields: readonly FieldMatch[]) =>
    fields.map((field) => JSON.stringify([field.name, field.value])).sort()
  return JSON.stringify([
    listener,
    [...hosts].sort(),
    [...methods].sort(),
    path.replace(/\{[^}]*\}/g, '{}'),
    exact,
    sorted(headers),
    sorted(query),
  ])
}
