// Which listeners go on with the socket that they have when the config changes: asked alike by the one who opens the ports
// and by those who listen on them.
import type { ListenerConfig } from './model.js'

/**
 * Whether `after` is `before` with other certificates, limits or services. Where it is not, the connections of the one
 * before are none of the other's: it came by another port, or they speak otherwise.
 */
export function staysOpen(before: ListenerConfig | undefined, after: ListenerConfig): boolean {
  return (
    before !== undefined &&
    hasSameAddress(before, after) &&
    isBare(before) === isBare(after) &&
    isSecure(before) === isSecure(after)
  )
}

type Address = Pick<ListenerConfig, 'name' | 'port'> & { readonly host?: string | undefined }

/** Port 0 is another one for each name. */
export function hasSameAddress(one: Address, other: Address): boolean {
  return one.host === other.host && one.port === other.port && (one.port !== 0 || one.name === other.name)
}

const isBare = ({ takes }: ListenerConfig): boolean => takes.kind === 'tcp'
const isSecure = ({ tls }: ListenerConfig): boolean => tls !== undefined
