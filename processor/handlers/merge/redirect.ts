// Where a redirect leads: to the same service it is followed, anywhere else it is the end of the way.
import type { InstanceSpec } from '../../../shared/registry/instance.js'
import type { Answer } from '../../call.js'

export type Place = Pick<InstanceSpec, 'id' | 'secure' | 'host' | 'port' | 'basePath'>

export interface Hop {
  readonly method: string
  /** Path and query, below the instance's base path. */
  readonly target: string
  /** URL of the hop before; empty: none. */
  readonly referer: string
  readonly withBody: boolean
}

/** `why`: it cannot be followed. Undefined: the answer is no redirect. */
export function redirected(
  answer: Pick<Answer, 'status' | 'fields' | 'instance'>,
  from: Hop,
  places: readonly Place[],
): Hop | { readonly why: string } | undefined {
  if (!isRedirect(answer.status)) return undefined
  const location = answer.fields.get('location')
  const answered = places.find(({ id }) => id === answer.instance) ?? places[0]
  if (location === undefined || answered === undefined) return undefined
  const base = `${originOf(answered)}${answered.basePath}${from.target}`
  const url = URL.canParse(location, base) ? new URL(location, base) : undefined
  if (url === undefined) return { why: 'its redirect leads to no URL' }
  const place = places.find((one) => originOf(one) === url.origin)
  if (place === undefined) return { why: `its redirect leads to ${url.host}, which is no instance of the service` }
  const path = url.pathname
  if (place.basePath !== '' && !path.startsWith(`${place.basePath}/`))
    return { why: 'its redirect leads out of the path of the instance' }
  const target = `${path.slice(place.basePath.length)}${url.search}`
  // RFC 9110 section 15.4: only 307 and 308 keep the method, and with it the body.
  const kept = answer.status >= 307 || from.method === 'GET' || from.method === 'HEAD'
  const referer = answered.secure && !place.secure ? '' : base
  return { method: kept ? from.method : 'GET', target, referer, withBody: from.withBody && kept }
}

export function isRedirect(status: number): boolean {
  return status === 307 || status === 308 || (status >= 301 && status <= 303)
}

/** As `URL.origin` spells it: names in lower case, no port that goes without saying. */
function originOf({ secure, host, port }: Place): string {
  const authority = host.includes(':') ? `[${host}]` : host
  const url = `${secure ? 'https' : 'http'}://${authority}:${port}`
  return URL.canParse(url) ? new URL(url).origin : url
}
