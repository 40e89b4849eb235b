// `redirect`: sends clients elsewhere, and never where they themselves have said.
import type { RedirectOptions } from '../../../shared/config/pipes/redirect.js'
import { ProxyError } from '../../../shared/errors.js'
import { definePipe, type PipeExchange, type Reply } from '../pipe.js'
import { compileTemplate, inTarget } from '../templates.js'

export default definePipe<RedirectOptions>({
  create({ status, to, https, host }) {
    const made = to && compileTemplate(to, inTarget)
    const namesHost = to?.some((part) => typeof part === 'object' && part.of === 'host') ?? https
    const needsHost = namesHost && host === undefined
    return {
      onRequest(x): Reply | undefined {
        if (made === undefined && isThere(x, https, host)) return undefined
        // An HTTP/1.0 client may name none: what followed would be taken for the host.
        if (needsHost && x.host === '')
          throw new ProxyError(
            'invalid-request',
            'client',
            'never',
            'there is no Host field, and the redirect needs one',
          )
        const there = made === undefined ? x.asked : typeof made === 'string' ? made : made(x).replace(/\?$/, '')
        const location = there.startsWith('/') ? originOf(x, https, host) + onePath(there) : there
        // For people whose client does not follow.
        const body = status === 303 ? '' : `See ${location}\n`
        return { status, headers: { Location: location, 'Content-Type': 'text/plain; charset=utf-8' }, body }
      },
    }
  },
})

function isThere(x: PipeExchange, https: boolean, host: string | undefined): boolean {
  return (!https || x.secure) && (host === undefined || x.host === host)
}

/** Empty: the client stays at the origin that it asked. */
function originOf(x: PipeExchange, https: boolean, host: string | undefined): string {
  if (!https && host === undefined) return ''
  const scheme = https || x.secure ? 'https' : 'http'
  // The port of plain HTTP is no port of HTTPS.
  const own = https && !x.secure ? x.host.replace(/:\d+$/, '') : x.host
  return `${scheme}://${host ?? own}`
}

/** A path that begins with two slashes, or with a backslash that browsers take for one, would name a host (RFC 3986 section 4.2). */
function onePath(path: string): string {
  const plain = path.replace(/[^\x21-\x7e]|["<>\\^`{|}]/g, percent)
  return /^\/[/\\]/.test(path) ? `/${plain.replace(/^(?:\/|%5C)+/i, '')}` : plain
}

/** Characters of a target are bytes. */
function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
