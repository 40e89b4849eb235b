// What of a new config can take effect in a running server: all but what is made once, at its start.
import { isDeepStrictEqual } from 'node:util'
import { deepFreeze } from './freeze.js'
import type { Config, RouteConfig } from './model.js'

/** `after` as far as it can take effect now: what needs a restart stays as it was. */
export function applicable(before: Config, after: Config): Config {
  const { host: _host, ...discovery } = after.discovery
  const { host: _ownHost, tls: wanted, ...processor } = after.processor
  const { port, store, polling } = before.discovery
  const { port: ownPort, requestLimit, listeners } = before.processor
  const tls = before.processor.tls && (wanted ?? before.processor.tls)
  return deepFreeze({
    ...after,
    discovery: { ...discovery, ...hostOf(before.discovery), port, store, polling },
    processor: {
      ...processor,
      ...hostOf(before.processor),
      port: ownPort,
      requestLimit,
      listeners,
      ...(tls && { tls }),
    },
    routes: routesFor(before, after),
  })
}

/** A listener that stays keeps what it is for, as long as there is the service. */
function routesFor(before: Config, after: Config): readonly RouteConfig[] {
  if (isDeepStrictEqual(before.processor.listeners, after.processor.listeners)) return after.routes
  const [old, next] = [wholeListeners(before), wholeListeners(after)]
  const services = new Set(after.services.map(({ name }) => name))
  const isOf = (names: ReadonlySet<string>, { listener }: RouteConfig) => listener !== undefined && names.has(listener)
  const kept = before.routes.filter(
    (route) => isOf(old, route) && route.handler.kind === 'forward' && services.has(route.handler.service),
  )
  return [...after.routes.filter((route) => !isOf(next, route)), ...kept]
}

/** Names of the listeners that are for one service alone. */
function wholeListeners({ processor }: Config): ReadonlySet<string> {
  return new Set(processor.listeners.flatMap(({ name, takes }) => (takes.kind === 'service' ? [name] : [])))
}

function hostOf({ host }: { readonly host?: string }): { readonly host?: string } {
  return host === undefined ? {} : { host }
}
