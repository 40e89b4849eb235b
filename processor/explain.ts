// Tells where a request would go and why, with the same routes and tiers that the workers use.
import type { Config } from '../shared/config/model.js'
import { ERRORS, type Code } from '../shared/errors.js'
import type { Candidate, Explain, Explanation } from '../shared/processor.js'
import type { RegistrySource } from '../shared/registry/instance.js'
import { standing } from './balancing/tiers.js'
import { requestView } from './routing/request-view.js'
import { createRoutes, match } from './routing/table.js'

export function createExplain(config: Config, registry: RegistrySource): Explain {
  const routes = createRoutes(config, () => () => undefined)
  const fixed = new Map(
    config.routes.flatMap(({ id, handler }) => (handler.kind === 'fixed' ? [[id, handler.status] as const] : [])),
  )
  const strategies = new Map(config.services.map(({ name, balance }) => [name, balance.strategy]))

  return (method, url) => {
    const { host, target } = split(url)
    const path = target.split('?', 1)[0] ?? '/'
    const asked = { method, host, target }
    const found = match(routes, path, /[%\\;]|\/\/|\/\./.test(path), requestView(host, method, target, ''))
    switch (found.kind) {
      case 'ambiguous':
        return refused(asked, 'ambiguous-path', 'the path can be read in two ways')
      case 'method':
        return refused(asked, 'method-not-allowed', `allowed: ${found.allow.join(', ')}`)
      case 'none':
        if (path === '/' && (method === 'GET' || method === 'HEAD')) {
          return { ...asked, outcome: { kind: 'fixed', route: '', status: 200 }, candidates: [], picks: [] }
        }
        return refused(asked, 'no-route', `no route for ${method} ${path}`)
      case 'route': {
        const { id, service } = found.route
        const status = fixed.get(id)
        if (status !== undefined)
          return { ...asked, outcome: { kind: 'fixed', route: id, status }, candidates: [], picks: [] }
        const candidates = candidatesOf(service)
        const picks = candidates.filter((candidate) => candidate.picked).map((candidate) => candidate.instance)
        if (picks.length === 0) {
          return { ...refused(asked, 'no-instance', `no instance of "${service}" may take requests`), candidates }
        }
        const strategy = strategies.get(service) ?? 'round-robin'
        return { ...asked, outcome: { kind: 'forward', route: id, service, strategy }, candidates, picks }
      }
    }
  }

  function candidatesOf(service: string): Candidate[] {
    const ranked = registry.current.instances
      .filter((instance) => instance.service === service)
      .map((instance) => ({ instance, ...standing(instance) }))
      .sort((a, b) => (a.tier ?? Infinity) - (b.tier ?? Infinity))
    const best = ranked[0]?.tier
    return ranked.map(({ instance, tier, reason }) => {
      const picked = tier !== undefined && tier === best
      return {
        instance: instance.id,
        url: instance.url,
        priority: instance.priority,
        weight: instance.weight,
        health: instance.health,
        ...(instance.override === undefined ? {} : { override: instance.override }),
        picked,
        reason: picked ? `${reason}: the best tier` : tier === undefined ? reason : `${reason}: stands by`,
      }
    })
  }
}

function refused(asked: Pick<Explanation, 'method' | 'host' | 'target'>, code: Code, detail: string): Explanation {
  return {
    ...asked,
    outcome: { kind: 'refused', code, status: ERRORS[code].status, detail },
    candidates: [],
    picks: [],
  }
}

/** `http://host/path?query`, or a path alone. */
function split(url: string): { host: string; target: string } {
  const parts = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)([^#]*)/i.exec(url)
  const target = (parts === null ? url : (parts[2] ?? '')).split('#', 1)[0] ?? ''
  return { host: (parts?.[1] ?? '').toLowerCase(), target: target.startsWith('/') ? target : `/${target}` }
}
