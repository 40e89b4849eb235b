// Lets requests pass by the address of the client, as far as the proxies before this one are trusted.
import type { IpOptions } from '../../../shared/config/pipes/ip.js'
import { createAddressList, digitsOf } from '../auth/address-list.js'
import { createRefuse } from '../auth/refusal.js'
import { definePipe } from '../pipe.js'

export default definePipe<IpOptions>({
  create({ allow, deny, refusal }) {
    const refuse = createRefuse(refusal)
    const allowed = allow.length > 0 ? createAddressList(allow) : undefined
    const denied = deny.length > 0 ? createAddressList(deny) : undefined
    return {
      onRequest(x) {
        const address = digitsOf(x.address)
        // What is no address at all could be any.
        const passes =
          address !== undefined && denied?.has(address) !== true && (allowed === undefined || allowed.has(address))
        return passes ? undefined : refuse(x, 'forbidden', 'this address may not ask here')
      },
    }
  },
})
