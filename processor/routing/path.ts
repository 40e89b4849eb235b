// How a path may be read: the routes see the reading of the strictest and of the laxest origin, and where those two would
// go to different routes, the request is refused.

/**
 * The path as a lax origin might read it: percent-encoded bytes decoded, `\` as `/`, path parameters (`;x=1`) gone, empty
 * and dot segments resolved (RFC 3986 section 5.2.4). Undefined where it holds an invalid escape, a NUL or another control byte.
 */
export function laxReading(path: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return undefined
  const decoded = path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  if (hasControlByte(decoded)) return undefined
  const kept: string[] = []
  const segments = decoded.replaceAll('\\', '/').split('/')
  for (const whole of segments) {
    const segment = whole.split(';', 1)[0] ?? ''
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
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
