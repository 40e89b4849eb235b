// When no endpoint of a pool takes a request: which one may after all, and why there is none.
import { ProxyError } from '../../shared/errors.js'
import type { Endpoint } from './endpoint.js'
import type { Pool } from './pool.js'
import { standing } from './tiers.js'

/** It would take the request, had it less to do. */
export function mayFree({ full, instance }: Endpoint): boolean {
  return full && standing(instance).tier !== undefined
}

/**
 * Better than to fail: polls call it down and its requests do not fail, whatever the config says of a panic; or traffic has
 * ejected it, and may be wrong by now. Not where a breaker wants it to be left alone.
 */
export function isLastResort({ barred, disputed, guard, instance }: Endpoint): boolean {
  const { tier, panic } = standing(instance)
  if (!barred) return disputed && panic
  return guard.kind === 'open' && guard.ejected && (tier !== undefined || panic)
}

/** `crowded`: some endpoint had no connection left. */
export function whyNobody(pool: Pool<Endpoint>, service: string, crowded: boolean): ProxyError {
  if (crowded) return new ProxyError('overload', 'internal', 'never', 'every instance has all its connections in use')
  if (pool.endpoints.some(({ guard, instance }) => guard.barred && standing(instance).tier !== undefined))
    return new ProxyError('breaker-open', 'upstream', 'never', `every instance of "${service}" is failing`)
  if (pool.loops)
    return new ProxyError('loop', 'client', 'never', `every instance of "${service}" is this gateway itself`)
  return noInstance(service)
}

export function noInstance(service: string): ProxyError {
  return new ProxyError('no-instance', 'upstream', 'never', `no instance of "${service}" may take requests`)
}
