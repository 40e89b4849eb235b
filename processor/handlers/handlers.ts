// What answers the requests of a route: its handler, behind the pipes of the processor, of the host and of the route.
import type { Config, PipeConfig, RouteConfig } from '../../shared/config/model.js'
import type { Core } from '../core.js'
import type { Exchange, Handler } from '../exchange.js'
import { bySpecificity, hostFor, pipesOn } from '../pipes/places.js'
import type { Rack } from '../pipes/rack.js'
import { PipeRun } from '../pipes/run.js'
import { createFixed } from './fixed.js'
import { createForward } from './forward.js'
import { createMerge } from './merge/merge.js'

export interface Handlers {
  readonly forward: Handler
  of(route: RouteConfig): Handler
  /** For requests that no route takes; undefined: no pipe is for them. */
  readonly unrouted: Core['unrouted']
}

/** The pipes of `config` must have been prepared in `rack`. */
export function createHandlers(config: Config, rack: Rack, core: Core): Handlers {
  const { processor } = config
  const forward = createForward(core)
  const hosts = bySpecificity(processor.hosts)

  /** Chooses the pipes for an exchange, and sends it through them. */
  function piped(own: readonly PipeConfig[]): ((exchange: Exchange, handler: Handler) => void) | undefined {
    const plain = chained(pipesOn(processor, undefined, own))
    if (hosts.length === 0) return plain
    const runs = new Map(hosts.map((host) => [host, chained(pipesOn(processor, host, own))]))
    return (exchange, handler) => {
      const host = hostFor(hosts, exchange.host)
      const run = host === undefined ? plain : runs.get(host)
      if (run === undefined) handler(exchange)
      else run(exchange, handler)
    }
  }

  function chained(pipes: readonly PipeConfig[]): ((exchange: Exchange, handler: Handler) => void) | undefined {
    const chain = rack.chain(pipes)
    return chain && ((exchange, handler) => new PipeRun(exchange, chain, handler, core).begin())
  }

  function plainOf({ handler }: RouteConfig): Handler {
    switch (handler.kind) {
      case 'forward':
        return forward
      case 'fixed':
        return createFixed(handler.status, handler.headers, handler.body, core)
      case 'merge':
        return createMerge(handler.merge, { core, call: core.call, machine: rack.machine })
    }
  }

  return {
    forward,
    of(route) {
      const handler = plainOf(route)
      const run = piped(route.pipes)
      return run === undefined ? handler : (exchange) => run(exchange, handler)
    },
    unrouted: piped([]),
  }
}
