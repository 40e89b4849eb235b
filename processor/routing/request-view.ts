// What routes ask of a request beside its path, read from the bytes only when some route asks.
import type { RequestView } from './trie.js'

/** `fields`: lines that travel on, each with its CRLF; `target`: path and query as they came. */
export function requestView(host: string, method: string, target: string, fields: string): RequestView {
  return {
    host,
    method,
    header(name) {
      let found: string | undefined
      for (const line of fields.split('\r\n')) {
        const colon = line.indexOf(':')
        if (colon !== name.length || line.slice(0, colon).toLowerCase() !== name) continue
        const value = line.slice(colon + 1).trim()
        found = found === undefined ? value : `${found}, ${value}`
      }
      return found
    },
    query(name) {
      const mark = target.indexOf('?')
      return mark < 0 ? undefined : (new URLSearchParams(target.slice(mark)).get(name) ?? undefined)
    },
  }
}
