// Clients come back to the instance that they had, by a cookie that names it without telling which it is.
import { createHmac } from 'node:crypto'
import type { StickyConfig } from '../../shared/config/model.js'
import type { Candidate, Chooser } from './balancer.js'
import { findCookie } from './cookies.js'

/**
 * A pool's `pick` asks for the chosen one itself. When an answer goes to the client, whoever writes its head adds `fieldsFor`
 * with the endpoint that gave the answer: a client whose instance could not serve, or that had none, learns the new one.
 */
export interface Sticky<C extends Candidate> {
  /** The endpoint that a client's cookie names, if it serves. `cookie`: the Cookie field, several joined. */
  chosen(cookie: string | undefined): C | undefined
  /** A field line with its CRLF. */
  setCookie(candidate: C): string
  /** The line that tells a client of this endpoint; empty where it knows. */
  fieldsFor(request: Pick<Chooser, 'header'>, candidate: C): string
}

/** 132 bits: nobody finds another one's by trying. */
const TOKEN_LENGTH = 22

/**
 * `serves`: whether requests go to an endpoint at present. A better tier that is back takes its clients with it.
 * `secret`: the same wherever the client may come next; with another one all clients are new ones.
 */
export function createSticky<C extends Candidate>(
  config: StickyConfig,
  candidates: readonly C[],
  serves: (candidate: C) => boolean,
  secret: Buffer,
): Sticky<C> {
  const { cookie: name } = config
  const tokens = new Map(candidates.map((candidate) => [candidate.id, tokenOf(candidate, secret)]))
  // Found by the whole token: what is forged is simply not there.
  const owners = new Map(candidates.map((candidate) => [tokens.get(candidate.id) ?? '', candidate]))
  const attributes = attributesOf(config)

  function owner(token: string): C | undefined {
    const candidate = owners.get(token)
    return candidate !== undefined && serves(candidate) ? candidate : undefined
  }

  /** Of one outside the tiers, such as a last resort, there is none: it is not to be come back to. */
  function setCookie(candidate: C): string {
    const token = tokens.get(candidate.id)
    return token === undefined ? '' : `Set-Cookie: ${name}=${token}${attributes}\r\n`
  }

  return {
    chosen: (cookie) => (cookie === undefined ? undefined : findCookie(cookie, name, owner)),
    setCookie,
    fieldsFor(request, candidate) {
      const token = tokens.get(candidate.id)
      const sent = request.header('cookie')
      const known = sent !== undefined && findCookie(sent, name, (value) => value === token || undefined) === true
      return known ? '' : setCookie(candidate)
    },
  }
}

function tokenOf({ id, instance }: Candidate, secret: Buffer): string {
  return createHmac('sha256', secret).update(`${instance.service}\0${id}`).digest('base64url').slice(0, TOKEN_LENGTH)
}

function attributesOf({ path, maxAgeSeconds, secure, sameSite }: StickyConfig): string {
  return (
    `; Path=${path}${maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`}` +
    `; HttpOnly${secure ? '; Secure' : ''}; SameSite=${sameSite}`
  )
}
