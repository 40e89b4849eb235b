// Whether a part may be asked: no more often than its own rate allows, by all workers of the machine together.
import type { PartConfig } from '../../../shared/config/merge-model.js'
import { ProxyError } from '../../../shared/errors.js'
import type { MachineState } from '../../pipes/machine-state.js'

/** Rejects where the part would be asked too often. */
export type Admission = () => Promise<void>

/** Of nobody in particular. */
const ALL = ''

export function createAdmission({ limit }: Pick<PartConfig, 'limit'>, machine: MachineState): Admission | undefined {
  if (limit === undefined) return undefined
  const { name, rule } = limit
  return async () => {
    const { allowed } = await machine.take(name, ALL, rule)
    if (!allowed) throw new ProxyError('rate-limited', 'upstream', 'never', 'rate limit exceeded')
  }
}
