// Lets requests with a known key pass.
import { hash, randomBytes } from 'node:crypto'
import type { AuthKeyOptions } from '../../../shared/config/pipes/auth-key.js'
import { createRemoval } from '../auth/claimed-fields.js'
import { createCredentials } from '../auth/credentials.js'
import { createRefuse } from '../auth/refusal.js'
import { KEY_NAME } from '../claims.js'
import { definePipe } from '../pipe.js'

export default definePipe<AuthKeyOptions>({
  create({ keys, from, nameField, forward, realm, refusal }) {
    const refuse = createRefuse(refusal)
    const find = createLookup(keys)
    const credentials = createCredentials(from, false)
    const removeClaimed = createRemoval(nameField === undefined ? [] : [nameField])
    const challenge = { 'WWW-Authenticate': `ApiKey realm="${realm}"` }
    return {
      onRequest(x) {
        removeClaimed(x.headers)
        const shown = credentials.find(x)
        const name = shown === undefined ? undefined : find(shown)
        if (name === undefined) {
          const detail = shown === undefined ? 'a key is needed' : 'the key is not known'
          return refuse(x, 'unauthenticated', detail, challenge)
        }
        if (!forward) credentials.remove(x)
        if (nameField !== undefined && name !== '') x.headers.set(nameField, name)
        x.state.set(KEY_NAME, name)
        return undefined
      },
    }
  },
})

/**
 * Name of a key; undefined for one that is not known. Keys are told apart by a hash that has a secret of this worker's own
 * in it, so that the time of a look-up says nothing of how near a guess was, however many keys there are.
 */
function createLookup(keys: AuthKeyOptions['keys']): (shown: string) => string | undefined {
  const secret = randomBytes(32).toString('hex')
  const blind = (digest: string): string => hash('sha256', secret + digest, 'base64')
  const names = new Map(keys.map(({ name, digest }) => [blind(digest), name]))
  return (shown) => names.get(blind(hash('sha256', shown)))
}
