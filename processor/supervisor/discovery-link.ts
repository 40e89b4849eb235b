// How a processor that runs apart calls the discovery server: its addresses, its token, its pauses between tries.
import { request as requestHttp, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Clock } from '../../shared/clock.js'
import type { Log } from '../../shared/log.js'

export interface LinkDeps {
  readonly clock: Clock
  readonly log: Log
  /** `discovery.token` of the other side; asked for each time, since a reload may change it. */
  readonly token?: string | undefined
  /** 0 to 1; Math.random unless told. */
  readonly random?: () => number
}

export interface DiscoveryLink {
  /** The request is not ended: the caller writes its body, if any, and ends it. */
  open(
    method: string,
    path: string,
    headers: Readonly<Record<string, string | number>>,
    onAnswer: (answer: IncomingMessage) => void,
  ): ClientRequest
  /** For the log: without credentials. */
  readonly name: string
}

/** `url`: where the discovery server listens, e.g. `http://10.0.0.1:8008`. Throws a TypeError for what is no http(s) URL. */
export function createLink(url: string, deps: Pick<LinkDeps, 'token'>): DiscoveryLink {
  const base = new URL(url.endsWith('/') ? url : `${url}/`)
  if (base.protocol !== 'http:' && base.protocol !== 'https:')
    throw new TypeError('the registry needs a http or https URL')
  const request = base.protocol === 'https:' ? requestHttps : requestHttp
  return {
    name: `${base.origin}${base.pathname}`,
    open(method, path, headers, onAnswer) {
      const { token } = deps
      const options: RequestOptions = {
        method,
        headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
        // Each call stands alone: none may wait for a socket that the other side has forgotten.
        agent: false,
        maxHeaderSize: 16 * 1024,
      }
      return request(new URL(path, base), options, onAnswer)
    },
  }
}

/** Whether the token would cross a network in the clear. */
export function exposesToken(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}

export interface Backoff {
  /** The pause before the next try: doubling, and spread so that a herd does not come back as one. */
  next(): number
  reset(): void
}

const FIRST_MS = 100
const LONGEST_MS = 5_000

export function createBackoff(random: () => number): Backoff {
  let ceiling = FIRST_MS
  return {
    next() {
      const ms = ceiling * (0.5 + random() / 2)
      ceiling = Math.min(ceiling * 2, LONGEST_MS)
      return ms
    },
    reset() {
      ceiling = FIRST_MS
    },
  }
}
