// What Cache-Control says, however it is written: RFC 9111 section 5.2.

/** Names in lower case; undefined: the directive has no value. Of several with one name the first counts. */
export type Directives = ReadonlyMap<string, string | undefined>

const NONE: Directives = new Map()

/** One member of the list: a token, and what follows `=` without a space around it, as a token or in quotes. */
const MEMBER = /([!#$%&'*+\-.^_`|~0-9a-z]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?[ \t]*(?=,|$)/iy

/** More members than this say nothing that is worth the time. */
const MOST = 100

/** Of what cannot be read these count all the same: who wrote `private; max-age=60` meant them. */
const FORBIDDING = /no-store|no-cache|private/g

/** A member that is none is left out, up to the next comma, but for what it forbids. */
export function parseDirectives(text: string | undefined): Directives {
  if (text === undefined) return NONE
  const found = new Map<string, string | undefined>()
  let at = 0
  for (let i = 0; i < MOST; i++) {
    // No pattern: one that fails goes back over all of it, each time.
    while (isBetween(text.charCodeAt(at))) at++
    if (at >= text.length) break
    MEMBER.lastIndex = at
    const member = MEMBER.exec(text)
    if (member === null) {
      const comma = text.indexOf(',', at + 1)
      const end = comma < 0 ? text.length : comma
      for (const [name] of text.slice(at, end).toLowerCase().matchAll(FORBIDDING)) found.set(name, undefined)
      at = end
      continue
    }
    at = MEMBER.lastIndex
    const name = (member[1] as string).toLowerCase()
    const value = member[2] === undefined ? member[3] : member[2].replace(/\\(.)/g, '$1')
    if (!found.has(name)) found.set(name, value)
  }
  return found
}

/** Comma, space or tab; not what is beyond the end. */
function isBetween(code: number): boolean {
  return code === 0x2c || code === 0x20 || code === 0x09
}

/** RFC 9111 section 1.2.2: what cannot be told apart in 31 bits is as good as for ever. */
const LONGEST_SECONDS = 2 ** 31

/** Seconds; undefined where `value` is no number of seconds. */
export function deltaSeconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), LONGEST_SECONDS) : undefined
}

/** Of a directive that is there: one that cannot be read is taken as 0 (RFC 9111 section 4.2.1). */
export function secondsOf(directives: Directives, name: string): number | undefined {
  return directives.has(name) ? (deltaSeconds(directives.get(name)) ?? 0) : undefined
}

/** Names of fields in the value of `no-cache` or `private`, in lower case. */
export function fieldNames(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
