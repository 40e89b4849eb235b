// How a path may be read by an origin. The routes see every common reading, and where two of them would go to different
// routes the request is refused (docs/decisions/0009).

/** Longer than it may be: RFC 3629 section 3 forbids it, and a lax decoder sees a dot or a slash in it. */
const OVERLONG = /[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]/

const MOST_DECODINGS = 3

/**
 * All that origins might make of a path that holds `%`, `\`, `;`, an empty or a dot segment: its escapes decoded (not at
 * all, dots only, once, or again and again), `\` taken for `/`, path parameters (`;x=1`) taken off, empty segments
 * merged, and then dot segments resolved (RFC 3986 section 5.2.4). Undefined where it must not go on at all: an invalid
 * escape, a control byte, UTF-8 that is longer than it may be.
 */
export function readings(path: string): ReadonlySet<string> | undefined {
  const decoded = decodings(path)
  if (decoded === undefined) return undefined
  const found = new Set<string>()
  for (const text of decoded) {
    for (const slashed of either(text, text.replaceAll('\\', '/'))) {
      for (const plain of either(slashed, slashed.replace(/;[^/]*/g, ''))) {
        found.add(resolve(plain, false)).add(resolve(plain, true))
        // What begins like `//host/path` may be read as a reference to another host.
        if (plain.startsWith('//')) found.add(resolve(plain.replace(/^\/\/[^/]*/, ''), true))
      }
    }
  }
  return found
}

/** Whether some origin would take the path for another one: by a dot segment in any spelling, or because it is malformed. */
export function hasDotSegments(path: string): boolean {
  if (!/%|[/\\]\.|[\x80-\xff]/.test(path)) return false
  const decoded = decodings(path)
  return decoded === undefined || [...decoded].some((text) => /[/\\]\.\.?(?:[/\\;]|$)/.test(text))
}

function either(one: string, other: string): readonly string[] {
  return one === other ? [one] : [one, other]
}

function decodings(path: string): ReadonlySet<string> | undefined {
  const found = new Set([path])
  if (!path.includes('%')) return found
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return undefined
  found.add(path.replace(/%2e/gi, '.'))
  let text = path
  for (let turns = 0; text.includes('%'); turns++) {
    const next = decode(text)
    if (next === text) break
    // Nobody means that; and each turn costs a look-up.
    if (turns === MOST_DECODINGS) return undefined
    text = next
    if (hasControlByte(text) || OVERLONG.test(text)) return undefined
    found.add(text)
  }
  // Full-width dots and slashes, to an origin that normalises Unicode (UAX 15).
  if (/[\x80-\xff]/.test(text)) {
    const compatible = Buffer.from(text, 'latin1').toString('utf8').normalize('NFKC')
    found.add(Buffer.from(compatible, 'utf8').toString('latin1'))
  }
  return found
}

function decode(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

function resolve(path: string, merge: boolean): string {
  const kept: string[] = []
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') kept.pop()
    else if (segment !== '.' && !(merge && segment === '')) kept.push(segment)
  }
  return `/${kept.join('/')}`
}

function hasControlByte(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}
