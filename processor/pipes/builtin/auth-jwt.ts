// Lets requests with a valid JSON Web Token pass, and tells the instance and later pipes who asks.
import { hash } from 'node:crypto'
import type { AuthJwtOptions } from '../../../shared/config/pipes/auth-jwt.js'
import { deepFreeze } from '../../../shared/config/freeze.js'
import { lackOf, linesOf } from '../auth/claims.js'
import { createRemoval } from '../auth/claimed-fields.js'
import { createCredentials } from '../auth/credentials.js'
import { createGate } from '../auth/gate.js'
import { checkToken, fixedRing, type Checked, type Claims, type KeyRing } from '../auth/jwt.js'
import { createKeySet } from '../auth/key-set.js'
import { Recent } from '../auth/recent.js'
import { createRefuse, refuseBusy } from '../auth/refusal.js'
import { CLAIMS } from '../claims.js'
import { definePipe, type PipeExchange, type PipeTools, type Reply } from '../pipe.js'

/** What a verified token comes to at this place of the config. */
interface Verified {
  readonly claims: Claims
  readonly lack: 'role' | 'scope' | undefined
  /** Field lines for instances. */
  readonly lines: string
  /** Wall-clock milliseconds. */
  readonly untilMs: number
}

/** Signatures are checked on the few threads that files and names need, too. */
const CHECKS = { atOnce: 8, waiting: 1000, longestMs: 1000 }

export default definePipe<AuthJwtOptions>({
  create(options, tools) {
    const verified = new Recent<Verified>(options.tokens)
    let keySets = 0
    const check = createCheck(options, tools, () => {
      keySets++
      verified.clear()
    })
    const credentials = createCredentials(options.from, true)
    const removeClaimed = createRemoval(options.claimsToHeaders.map(({ field }) => field))
    const answer = createRefusals(options)

    function admit(x: PipeExchange, { claims, lack, lines }: Verified): Reply | void {
      if (lack !== undefined) return answer.lacking(x, lack)
      if (!options.forward) credentials.remove(x)
      x.headers.text += lines
      x.state.set(CLAIMS, claims)
    }

    async function decide(x: PipeExchange, token: string, digest: string): Promise<Reply | void> {
      const before = keySets
      const checked = await check.token(token)
      if (checked === 'busy') return refuseBusy(x)
      if (checked === undefined) return answer.withoutKeys(x)
      if (!checked.ok) return answer.invalid(x, checked.reason)
      const claims = deepFreeze(checked.claims)
      const lines = linesOf(claims, options.claimsToHeaders)
      const untilMs = (claims.exp ?? Infinity) * 1000 + options.leewayMs
      const entry: Verified = { claims, lack: lackOf(claims, options), lines, untilMs }
      // A key that has just been withdrawn may have been the one: its token is checked again.
      if (keySets === before) verified.set(digest, entry)
      return admit(x, entry)
    }

    return {
      onRequest(x) {
        removeClaimed(x.headers)
        const token = credentials.find(x)
        if (token === undefined) return options.optional ? undefined : answer.missing(x)
        check.freshen()
        const digest = hash('sha256', token, 'base64')
        const known = verified.get(digest)
        if (known !== undefined) {
          if (Date.now() < known.untilMs) return admit(x, known)
          verified.delete(digest)
        }
        return decide(x, token, digest)
      },
    }
  },
})

interface Check {
  /** Undefined: there are no keys to check it with. `busy`: too many are being checked. */
  token(token: string): Promise<Checked | 'busy' | undefined>
  /** Asks for the keys anew where that is due; in the background. */
  freshen(): void
}

/** `changed`: other keys than before are believed now. */
function createCheck(options: AuthJwtOptions, tools: PipeTools, changed: () => void): Check {
  const { keys } = options
  const gate = createGate(CHECKS, () => tools.now())
  // Keys are waited for outside of the gate: a few tokens of an unknown key would close it to all others.
  const verify = (token: string, ring: KeyRing) =>
    gate.enter<Checked | 'busy'>(
      () => checkToken(token, ring, options),
      () => 'busy',
    )
  if (keys.kind !== 'url' && keys.kind !== 'service') {
    const ring = fixedRing(keys)
    return { token: (token) => verify(token, ring), freshen: () => undefined }
  }
  const set = createKeySet(keys, options.jwks, changed, tools)
  const withRing = (token: string, ring: KeyRing | undefined) => ring && verify(token, ring)
  return {
    async token(token) {
      const known = await set.get()
      const checked = await withRing(token, known?.ring)
      if (checked === undefined || checked === 'busy' || checked.ok || !checked.unknownKey) return checked
      // The issuer may have begun to use a new key.
      const renewed = await set.renew()
      return renewed === known ? checked : withRing(token, renewed?.ring)
    },
    freshen: () => void set.get(),
  }
}

// RFC 6750 section 3: what the quoted strings may hold.
function plain(text: string): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')
}

function createRefusals({ realm, refusal, scopes }: AuthJwtOptions) {
  const refuse = createRefuse(refusal)
  const challenge = `Bearer realm="${realm}"`
  const insufficient = `${challenge}, error="insufficient_scope", scope="${plain(scopes.join(' '))}"`
  return {
    missing: (x: PipeExchange) => refuse(x, 'unauthenticated', 'a token is needed', { 'WWW-Authenticate': challenge }),
    // RFC 6750 section 3.1.
    invalid: (x: PipeExchange, reason: string) => {
      const told = `${challenge}, error="invalid_token", error_description="${plain(reason)}"`
      return refuse(x, 'unauthenticated', `the token is not valid: ${reason}`, { 'WWW-Authenticate': told })
    },
    lacking(x: PipeExchange, lack: 'role' | 'scope') {
      const fields: Record<string, string> = lack === 'scope' ? { 'WWW-Authenticate': insufficient } : {}
      return refuse(x, 'forbidden', `the token lacks a ${lack} that is needed here`, fields)
    },
    withoutKeys: (x: PipeExchange) =>
      refuse(x, 'no-instance', 'the keys that tokens are checked with cannot be had', { 'Retry-After': '1' }),
  }
}
