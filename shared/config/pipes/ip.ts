// Options of `ip`: the addresses of clients that may pass, and those that may not.
import { z } from 'zod'
import { text } from '../schema/fields.js'
import { cidrFault } from '../text/host.js'
import { listed, refusal } from './auth-fields.js'
import { builtIn } from './builtin.js'

/** Plain JSON data: addresses and CIDR blocks. */
export interface IpOptions {
  /** Empty: all that are not denied. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly refusal: 'problem' | 'empty'
}

const MOST_BLOCKS = 100_000

const schema = z.strictObject({
  allow: z
    .array(text(cidrFault))
    .min(1)
    .optional()
    .meta({ description: 'Addresses and CIDR blocks that may pass; no other may.' }),
  deny: z
    .array(text(cidrFault))
    .min(1)
    .optional()
    .meta({ description: 'Addresses and CIDR blocks that may not, even where `allow` has them.' }),
  refusal: refusal(),
})

export const ip = builtIn({
  name: 'ip',
  description: 'Lets requests pass by the address of the client.',
  schema,
  guards: true,
  read(draft, path, { report }): IpOptions {
    const told = ['allow', 'deny'].some((key) => report.has([...path, key]))
    if (draft.allow === undefined && draft.deny === undefined && !told)
      report.fault(path, { message: 'there is no address', hint: 'give "allow", "deny" or both' }, 'key')
    const [allow, deny] = [listed(draft.allow), listed(draft.deny)]
    const blocks = allow.length + deny.length
    if (blocks > MOST_BLOCKS) report.fault(path, `${blocks} addresses and blocks are too many; at most ${MOST_BLOCKS}`)
    return { allow, deny, refusal: draft.refusal ?? 'problem' }
  },
})
