// Lets requests with the name and password of a known user pass (RFC 7617).
import { hash, randomBytes } from 'node:crypto'
import type { AuthBasicOptions } from '../../../shared/config/pipes/auth-basic.js'
import type { StoredPassword } from '../../../shared/config/pipes/stored-password.js'
import { createRemoval, fieldText } from '../auth/claimed-fields.js'
import { createGate } from '../auth/gate.js'
import { matchesDigest, matchesScrypt } from '../auth/password.js'
import { Recent } from '../auth/recent.js'
import { createRefuse, refuseBusy } from '../auth/refusal.js'
import { USER } from '../claims.js'
import { definePipe, type PipeExchange, type Reply } from '../pipe.js'

/** Of Node's four threads, which files and names need, too. */
const CHECKS = { atOnce: 2, waiting: 100, longestMs: 2000 }
const LONGEST_CREDENTIALS = 2048

export default definePipe<AuthBasicOptions>({
  create({ users, realm, refusal, forward, userField, remembered }, tools) {
    const refuse = createRefuse(refusal)
    const known = new Map(users.map(({ name, password }) => [name, password]))
    const nobody = stranger(users.map(({ password }) => password))
    const gate = createGate(CHECKS, () => tools.now())
    const verified = new Recent<string>(remembered)
    // Remembered under a key of this worker's own, so that nothing in memory tells of a password.
    const secret = randomBytes(32)
    const removeClaimed = createRemoval(userField === undefined ? [] : [userField])
    const challenge = { 'WWW-Authenticate': `Basic realm="${realm}", charset="UTF-8"` }

    function admit(x: PipeExchange, name: string): void {
      if (!forward) x.headers.delete('authorization')
      if (userField !== undefined) x.headers.set(userField, fieldText(name) ?? '')
      x.state.set(USER, name)
    }

    const deny = (x: PipeExchange, detail: string): Reply => refuse(x, 'unauthenticated', detail, challenge)

    function decide(x: PipeExchange, passed: boolean, name: string, digest: string): Reply | void {
      if (!passed) return deny(x, 'the name or the password is wrong')
      verified.set(digest, name)
      return admit(x, name)
    }

    return {
      onRequest(x) {
        removeClaimed(x.headers)
        const bytes = readCredentials(x.headers.get('authorization'))
        if (bytes === undefined) return deny(x, 'a name and a password are needed')
        const digest = hash('sha256', Buffer.concat([secret, bytes]), 'base64')
        const before = verified.get(digest)
        if (before !== undefined) return admit(x, before)
        const colon = bytes.indexOf(':')
        const name = bytes.toString('utf8', 0, colon)
        const stored = known.get(name)
        const given = bytes.subarray(colon + 1)
        // Who is no user takes as long as who is one.
        const wanted = stored ?? nobody
        const conclude = (matches: boolean) => decide(x, matches && stored !== undefined, name, digest)
        if (wanted.kind === 'digest') return conclude(matchesDigest(given, wanted))
        // Whoever has gone while it waited costs nothing more.
        const { signal } = x
        return gate.enter(
          async () => (signal.aborted ? refuseBusy(x) : conclude(await matchesScrypt(given, wanted))),
          () => refuseBusy(x),
        )
      },
    }
  },
})

const BASIC = /^basic +([A-Za-z0-9+/]{1,2732}={0,2})$/i

/** `name:password` in bytes; undefined for what is no such thing. */
function readCredentials(field: string | undefined): Buffer | undefined {
  const encoded = field === undefined ? undefined : BASIC.exec(field)?.[1]
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.length <= LONGEST_CREDENTIALS && bytes.indexOf(':') >= 0 ? bytes : undefined
}

/** What the passwords of those who are no users are checked against: as slow as the slowest of the users'. */
function stranger(passwords: readonly StoredPassword[]): StoredPassword {
  const slow = passwords.filter((one) => one.kind === 'scrypt')
  const slowest = slow.sort(
    (a, b) => b.cost * b.blockSize * b.parallelization - a.cost * a.blockSize * a.parallelization,
  )[0]
  const value = randomBytes(32).toString('base64')
  return slowest === undefined ? { kind: 'digest', hash: 'sha256', value } : { ...slowest, value }
}
