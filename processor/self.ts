// Whether an instance is the processor's own port, so that a request to it could only come back.
import { networkInterfaces } from 'node:os'
import type { InstanceSpec } from '../shared/registry/instance.js'

export function isOwnAddress(instance: InstanceSpec, ownHost: string | undefined, ownPort: number): boolean {
  if (instance.port !== ownPort) return false
  const { host } = instance
  if (host === ownHost || host === 'localhost') return true
  if (ownHost !== undefined && ownHost !== '0.0.0.0' && ownHost !== '::') return false
  if (/^127\./.test(host) || host === '0.0.0.0' || host === '::1' || host === '::') return true
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((address) => address.address === host))
}
