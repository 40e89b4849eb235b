// Tells where a request would go and why, with the same routes and tiers that the workers use, and with what they report.
import type { BalanceConfig, Config, PipeConfig, RouteConfig } from '../shared/config/model.js'
import { ERRORS, type Code } from '../shared/errors.js'
import type { Explain, Explanation, LiveView } from '../shared/processor.js'
import type { RegistrySource } from '../shared/registry/instance.js'
import { type Candidates, explainCandidates } from './explain-candidates.js'
import { bySpecificity, hostFor, pipesOn } from './pipes/places.js'
import { requestView } from './routing/request-view.js'
import { createRoutes, match, type Route } from './routing/table.js'
import type { Trie } from './routing/trie.js'

/** For one config: a reload makes another one. */
export function createExplain(config: Config, registry: RegistrySource, live: LiveView): Explain {
  const nothing = () => undefined
  const routes = createRoutes(config, { handlerOf: () => nothing, forward: nothing, liveOf: nothing })
  const ownPort = routes.tries.get('') as Trie<Route>
  const configs = new Map(config.routes.map((route) => [route.id, route]))
  const hosts = bySpecificity(config.processor.hosts)
  const services = new Map(config.services.map((service) => [service.name, service]))

  return (method, url) => {
    const { host, target } = split(url)
    const path = target.split('?', 1)[0] ?? '/'
    const pipesOf = (own: readonly PipeConfig[]) =>
      pipesOn(config.processor, hostFor(hosts, host), own).map(({ name }) => name)
    const unrouted = { method, host, target, pipes: pipesOf([]) }
    const found = match(ownPort, path, /[%\\;]|\/\/|\/\./.test(path), requestView(host, method, target, ''))
    switch (found.kind) {
      case 'ambiguous':
        return refused(unrouted, 'ambiguous-path', 'the path can be read in two ways')
      case 'method':
        return refused(unrouted, 'method-not-allowed', `allowed: ${found.allow.join(', ')}`)
      case 'none':
        if (path === '/' && (method === 'GET' || method === 'HEAD')) {
          return { ...unrouted, outcome: { kind: 'fixed', route: '', status: 200 }, candidates: [], picks: [] }
        }
        return refused(unrouted, 'no-route', `no route for ${method} ${path}`)
      case 'route': {
        const { id, service } = found.route
        const { handler, pipes } = configs.get(id) as RouteConfig
        const asked = { ...unrouted, pipes: pipesOf(pipes) }
        const nobody = { candidates: [], picks: [] }
        if (handler.kind === 'fixed')
          return { ...asked, outcome: { kind: 'fixed', route: id, status: handler.status }, ...nobody }
        if (handler.kind === 'merge') {
          const services = [...new Set(handler.merge.parts.map((part) => part.service))]
          return { ...asked, outcome: { kind: 'merge', route: id, services }, ...nobody }
        }
        const { candidates, refusal } = explained(service)
        const picks = candidates.filter((candidate) => candidate.picked).map((candidate) => candidate.instance)
        if (picks.length === 0) {
          return { ...refused(asked, refusal, WHY[refusal](service)), candidates }
        }
        const strategy = strategyOf(services.get(service)?.balance)
        return { ...asked, outcome: { kind: 'forward', route: id, service, strategy }, candidates, picks }
      }
    }
  }

  function explained(name: string): Candidates {
    const service = services.get(name)
    const instances = registry.current.instances.filter((instance) => instance.service === name)
    if (service === undefined) return { candidates: [], refusal: 'no-instance' }
    return explainCandidates(instances, service, config.processor, live)
  }
}

const WHY: Readonly<Record<Candidates['refusal'], (service: string) => string>> = {
  overload: (service) => `"${service}" has all that it can do`,
  'breaker-open': (service) => `every instance of "${service}" is failing`,
  'no-instance': (service) => `no instance of "${service}" may take requests`,
}

/** In words: `hash of header x-user`, `p2c, sticky by cookie serverpy`. */
function strategyOf(balance: BalanceConfig | undefined): string {
  if (balance === undefined) return 'round-robin'
  const { strategy, hash, sticky } = balance
  const key = hash === undefined ? '' : ` of ${'name' in hash ? `${hash.on} ${hash.name}` : hash.on}`
  return `${strategy}${key}${sticky === undefined ? '' : `, sticky by cookie ${sticky.cookie}`}`
}

function refused(
  asked: Pick<Explanation, 'method' | 'host' | 'target' | 'pipes'>,
  code: Code,
  detail: string,
): Explanation {
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
