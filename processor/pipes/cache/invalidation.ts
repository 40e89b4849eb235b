// Which stored answers a request that changes something makes useless: RFC 9111 section 4.4.
import type { FieldLines } from '../../field-lines.js'
import type { PipeExchange } from '../pipe.js'
import type { Keys } from './keys.js'

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** RFC 9110 section 9.2.1: a method that is not known may change anything. */
export function isSafe(method: string): boolean {
  return SAFE.has(method)
}

/** The URL itself first, and what the answer names as the place of what has changed, if that is of the same origin. */
export function changedUrls(x: PipeExchange, answer: FieldLines, keys: Keys): readonly string[] {
  const { secure, host, asked } = x
  const urls = [keys.of(secure, host, asked)]
  for (const name of ['location', 'content-location']) {
    const value = answer.get(name)
    if (value === undefined) continue
    const base = `${secure ? 'https' : 'http'}://${host}`
    const origin = urlOf(base)
    const url = urlOf(value, `${base}${asked}`)
    if (url !== undefined && url.origin === origin?.origin) urls.push(keys.of(secure, host, url.pathname + url.search))
  }
  return urls
}

/** The answer says that it is the content of the URL itself. `urls`: of `changedUrls`. */
export function isOwnContent(urls: readonly string[], answer: FieldLines): boolean {
  // The last one is that of Content-Location, where there is one of this origin.
  return answer.has('content-location') && urls.length > 1 && urls.at(-1) === urls[0]
}

function urlOf(text: string, base?: string): URL | undefined {
  return URL.canParse(text, base) ? new URL(text, base) : undefined
}
