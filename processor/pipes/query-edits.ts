// Changes parameters of a query and leaves every other byte of it as it came.
import type { QueryEdits } from '../../shared/config/pipes/rewrite.js'
import type { PipeExchange } from './pipe.js'
import { compileTemplate, inQuery } from './templates.js'

/** From and to a query with its question mark, or nothing. */
export type QueryEdit = (query: string, x: PipeExchange) => string

export function compileQuery({ remove, set, add }: QueryEdits): QueryEdit {
  const gone = new Set([...remove, ...set.map(([name]) => name)])
  const added = [...set, ...add].map(([name, value]) => {
    return [`${encodeURIComponent(name)}=`, compileTemplate(value, inQuery)] as const
  })
  return (query, x) => {
    let rest = query.slice(1)
    if (gone.size > 0 && rest !== '')
      rest = rest
        .split('&')
        .filter((pair) => !gone.has(nameOf(pair)))
        .join('&')
    for (const [name, value] of added) {
      const pair = name + (typeof value === 'string' ? encodeURIComponent(value) : value(x))
      rest = rest === '' ? pair : `${rest}&${pair}`
    }
    return rest === '' ? '' : `?${rest}`
  }
}

/** Decoded; as it stands where it cannot be. */
function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  const name = (equals === -1 ? pair : pair.slice(0, equals)).replaceAll('+', ' ')
  if (!name.includes('%')) return name
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
