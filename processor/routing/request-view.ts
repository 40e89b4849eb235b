// What routes ask of a request beside its path, read from the bytes only when some route asks.
import type { RequestView } from './trie.js'

/** All values of a field, joined, in lines that each end in CRLF; `name` in lower case. Undefined where it is missing. */
export function fieldValue(fields: string, name: string): string | undefined {
  let found: string | undefined
  for (const line of fields.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon !== name.length || line.slice(0, colon).toLowerCase() !== name) continue
    const value = line.slice(colon + 1).trim()
    found = found === undefined ? value : `${found}, ${value}`
  }
  return found
}

/** First value of a query parameter in a target. Undefined where it is missing. */
export function queryValue(target: string, name: string): string | undefined {
  const mark = target.indexOf('?')
  return mark < 0 ? undefined : (new URLSearchParams(target.slice(mark)).get(name) ?? undefined)
}

/** A request that is only asked about; one that is served is its own view. */
export function requestView(host: string, method: string, target: string, fields: string): RequestView {
  return {
    host,
    method,
    header: (name) => fieldValue(fields, name),
    query: (name) => queryValue(target, name),
  }
}
