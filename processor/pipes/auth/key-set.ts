// The key set of whoever issues tokens, asked for over the network: a URL, or a service that the registry knows.
import { keysOf, type JwtKeys, type KeyData } from '../../../shared/config/pipes/jwt-keys.js'
import type { AuthJwtOptions } from '../../../shared/config/pipes/auth-jwt.js'
import type { PipeTools } from '../pipe.js'
import { boundedFetch } from './bounded-fetch.js'
import { ringOf, type KeyRing } from './jwt.js'
import { createRefreshed, type Refreshed } from './refreshed.js'

export interface KeySet {
  readonly ring: KeyRing
  readonly text: string
}

/** `changed`: what was verified with the keys of before may hold no more. */
export function createKeySet(
  from: Extract<JwtKeys, { kind: 'url' | 'service' }>,
  limits: AuthJwtOptions['jwks'],
  changed: () => void,
  tools: PipeTools,
): Refreshed<KeySet> {
  const ask = from.kind === 'url' ? () => askUrl(from.url, limits) : () => askService(from, limits, tools)
  const load = async (): Promise<KeySet> => {
    const { status, body } = await ask()
    if (status !== 200) throw new Error(`the answer has the status ${status}`)
    const keys = keysOf(body.toString('utf8'))
    if (typeof keys === 'string') throw new Error(keys)
    return { ring: ringOf(keys), text: textOf(keys) }
  }
  return createRefreshed(load, (a, b) => a.text === b.text, changed, limits, {
    log: tools.log,
    now: () => tools.now(),
    from: askedOf(from),
  })
}

/** The host of a URL alone: what else is in it may be a secret. */
export function askedOf(from: Extract<JwtKeys, { kind: 'url' | 'service' }>): string {
  return from.kind === 'url' ? new URL(from.url).host : from.service
}

function textOf(keys: readonly KeyData[]): string {
  return JSON.stringify(keys)
}

const ACCEPT = 'application/jwk-set+json, application/json'

function askUrl(url: string, { timeoutMs, mostBytes }: AuthJwtOptions['jwks']) {
  return boundedFetch(url, { accept: ACCEPT }, { timeoutMs, mostBytes })
}

function askService(
  { service, path }: Extract<JwtKeys, { kind: 'service' }>,
  { timeoutMs, mostBytes }: AuthJwtOptions['jwks'],
  tools: PipeTools,
) {
  return tools.call({ service, method: 'GET', target: path, fields: `Accept: ${ACCEPT}\r\n`, timeoutMs, mostBytes })
    .answer
}
