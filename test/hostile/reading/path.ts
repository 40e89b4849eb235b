// Every way in which an origin may read a path: what is decoded, and how often, before or after the dots are resolved, what
// counts as a slash, what becomes of parameters and empty segments. All combinations, since origins are of all kinds.

type Rewrite = (path: string) => string

const byte = (hex: string): string => String.fromCharCode(Number.parseInt(hex, 16))
const decoded = (path: string, which: RegExp): string => path.replace(which, (_, hex: string) => byte(hex))

const asItIs: Rewrite = (path) => path
const decodesAll: Rewrite = (path) => decoded(path, /%([0-9a-f]{2})/gi)

const DECODINGS: readonly Rewrite[] = [
  asItIs,
  // Unreserved bytes only, as RFC 3986 section 6.2.2.2 normalises.
  (path) => decoded(path, /%(2e|2d|5f|7e|3[0-9]|[46][1-9a-f]|[57][0-9a])/gi),
  // All but the slashes.
  (path) => decoded(path, /%((?!2f|5c)[0-9a-f]{2})/gi),
  (path) => decoded(path, /%((?!5c)[0-9a-f]{2})/gi),
  decodesAll,
  (path) => decodesAll(decodesAll(path)),
  (path) => decodesAll(decodesAll(decodesAll(path))),
  // The escapes of old IIS, and UTF-8 that is longer than it may be.
  (path) => decodesAll(path.replace(/%u00([0-9a-f]{2})/gi, (_, hex: string) => byte(hex))),
  (path) => overlong(decodesAll(path)),
  // Where names are brought into a compatible form, as some file systems want them: full-width dots and slashes are plain ones.
  (path) => Buffer.from(decodesAll(path), 'latin1').toString().normalize('NFKC'),
]

/** Two, three and four bytes that a careless decoder takes for one of ASCII. */
function overlong(path: string): string {
  return path
    .replace(/[\xc0\xc1]([\x80-\xbf])/g, (pair, low: string) =>
      String.fromCharCode(((pair.charCodeAt(0) & 1) << 6) | (low.charCodeAt(0) & 0x3f)),
    )
    .replace(/(?:\xe0|\xf0\x80)([\x80\x81])([\x80-\xbf])/g, (_, high: string, low: string) =>
      String.fromCharCode(((high.charCodeAt(0) & 1) << 6) | (low.charCodeAt(0) & 0x3f)),
    )
}

const backslashes: Rewrite = (path) => path.replaceAll('\\', '/')
const merges: Rewrite = (path) => path.replace(/\/{2,}/g, '/')
const dropsParameters: Rewrite = (path) => path.replace(/;[^/]*/g, '')
const cutsParameters: Rewrite = (path) => path.split(';', 1)[0] ?? ''
const cutsAtNul: Rewrite = (path) => path.split('\0', 1)[0] ?? ''
/** `//host/path`, as a reference of RFC 3986 section 4.2. */
const takesAuthority: Rewrite = (path) => path.replace(/^\/\/[^/]*/, '') || '/'

/** Dot segments resolved as in RFC 3986 section 5.2.4: an empty segment is one. */
const resolves: Rewrite = (path) => {
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  segments.forEach((segment, i) => {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if ((segment === '..' || segment === '.') && i === segments.length - 1) kept.push('')
  })
  return `/${kept.join('/')}`
}

const ORDERS = [
  (decode: Rewrite) => [decode, resolves],
  (decode: Rewrite) => [resolves, decode],
  (decode: Rewrite) => [decode, resolves, decode, resolves],
  (decode: Rewrite) => [decode],
] as const

const CHANGES: readonly (readonly Rewrite[])[] = combinations([
  [asItIs, backslashes],
  [asItIs, merges, takesAuthority],
  [asItIs, dropsParameters, cutsParameters, cutsAtNul],
])

function combinations(steps: readonly (readonly Rewrite[])[]): Rewrite[][] {
  return steps.reduce<Rewrite[][]>((all, step) => all.flatMap((some) => step.map((one) => [...some, one])), [[]])
}

const READERS: readonly Rewrite[] = DECODINGS.flatMap((decode) =>
  ORDERS.flatMap((order) =>
    CHANGES.flatMap((changes) => [
      chain([...changes, ...order(decode)]),
      // Decoded first: what the escapes hid is then changed as well.
      chain([decode, ...changes, resolves]),
      chain([...order(decode), ...changes, merges]),
    ]),
  ),
)

function chain(rewrites: readonly Rewrite[]): Rewrite {
  return (path) => rewrites.reduce((now, rewrite) => rewrite(now), path)
}

const known = new Map<string, readonly string[]>()

/** All readings of a target's path, each once. */
export function pathReadings(target: string): readonly string[] {
  const path = target.split('?', 1)[0] ?? ''
  // Without any of these there is but one.
  if (!/[%\\;]|\/\/|\/\./.test(path)) return [path]
  const readings = known.get(path) ?? [...new Set(READERS.map((reader) => reader(path)))]
  known.set(path, readings)
  return readings
}
