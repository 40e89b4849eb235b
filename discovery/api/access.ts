// Who may change something: the holder of the token, or a peer on this machine while no token is set.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Request } from 'express'
import { ApiProblem } from './problem.js'

/** Throws an ApiProblem, 401 or 403, unless the request may change something. */
export function requireChanger(req: Request, token: string | undefined): void {
  if (token !== undefined) {
    const given = /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1]
    if (given !== undefined && sameSecret(given, token)) return
    throw new ApiProblem(401, 'this needs the token of the discovery server (Authorization: Bearer …)', {
      headers: { 'WWW-Authenticate': 'Bearer realm="serverpy"' },
    })
  }
  if (!isLoopback(req.socket.remoteAddress)) {
    throw new ApiProblem(403, 'without discovery.token only this machine may change something')
  }
  // A browser or a proxy on this machine speaks for others, who may be anywhere.
  for (const field of ['origin', 'forwarded', 'x-forwarded-for', 'via']) {
    if (req.headers[field] !== undefined) {
      throw new ApiProblem(403, `without discovery.token a request with the field ${field} may not change something`)
    }
  }
}

/** The same as an answer. */
export function mayChange(req: Request, token: string | undefined): boolean {
  try {
    requireChanger(req, token)
    return true
  } catch (error) {
    if (error instanceof ApiProblem) return false
    throw error
  }
}

// Digests are of one length, so that the comparison tells nothing about the token's.
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (/^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address) || address === '::1')
}
