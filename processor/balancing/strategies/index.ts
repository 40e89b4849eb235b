// Which strategy a service has asked for.
import type { BalanceConfig } from '../../../shared/config/model.js'
import type { Balancer, BalancerDeps, Candidate } from '../balancer.js'
import { createEwma } from './ewma.js'
import { createHash } from './hash.js'
import { createLeastConnections } from './least-connections.js'
import { createP2c } from './p2c.js'
import { createRandom } from './random.js'
import { createRoundRobin } from './round-robin.js'

export function createBalancer<C extends Candidate>(
  tier: readonly C[],
  balance: Pick<BalanceConfig, 'strategy' | 'hash' | 'slowStartMs'>,
  random?: () => number,
): Balancer<C> {
  const only = tier[0]
  if (tier.length === 1 && only !== undefined) {
    return { pick: (_request, tried) => (only.barred || tried.includes(only) ? undefined : only) }
  }
  const deps: BalancerDeps = { steady: balance.slowStartMs === 0, ...(random === undefined ? {} : { random }) }
  switch (balance.strategy) {
    case 'round-robin':
      return createRoundRobin(tier, deps)
    case 'random':
      return createRandom(tier, deps)
    case 'p2c':
      return createP2c(tier, deps)
    case 'least-connections':
      return createLeastConnections(tier, deps)
    case 'ewma':
      return createEwma(tier, deps)
    case 'hash':
      return createHash(tier, balance.hash ?? { on: 'ip' }, deps)
  }
}
