// Finds a cookie among those that a client sent.

const SEMICOLON = 0x3b
const COMMA = 0x2c
const EQUALS = 0x3d
const SPACE = 0x20
const TAB = 0x09

/**
 * What `accept` makes of the first value of cookie `name` that it takes; a name may come more than once, from several paths
 * of a site. `header`: the Cookie field; several of them joined by a comma or a semicolon.
 */
export function findCookie<T>(header: string, name: string, accept: (value: string) => T | undefined): T | undefined {
  for (let at = 0; at < header.length;) {
    let end = at
    while (end < header.length && !separates(header.charCodeAt(end))) end++
    while (at < end && blank(header.charCodeAt(at))) at++
    const equals = at + name.length
    if (equals < end && header.charCodeAt(equals) === EQUALS && header.startsWith(name, at)) {
      let last = end
      while (last > equals + 1 && blank(header.charCodeAt(last - 1))) last--
      const found = accept(header.slice(equals + 1, last))
      if (found !== undefined) return found
    }
    at = end + 1
  }
  return undefined
}

// RFC 6265 section 4.1.1: neither may stand in a value.
function separates(code: number): boolean {
  return code === SEMICOLON || code === COMMA
}

function blank(code: number): boolean {
  return code === SPACE || code === TAB
}
