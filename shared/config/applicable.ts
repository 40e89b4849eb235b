// What of a new config can take effect in a running server: all but what is made once, at its start.
import { deepFreeze } from './freeze.js'
import type { Config } from './model.js'

/** `after` as far as it can take effect now: what needs a restart stays as it was. */
export function applicable(before: Config, after: Config): Config {
  const { host: _host, ...discovery } = after.discovery
  const { host: _ownHost, tls: wanted, ...processor } = after.processor
  const { port, store, polling } = before.discovery
  const { port: ownPort, requestLimit } = before.processor
  const tls = before.processor.tls && (wanted ?? before.processor.tls)
  return deepFreeze({
    ...after,
    discovery: { ...discovery, ...hostOf(before.discovery), port, store, polling },
    processor: {
      ...processor,
      ...hostOf(before.processor),
      port: ownPort,
      requestLimit,
      ...(tls && { tls }),
    },
  })
}

function hostOf({ host }: { readonly host?: string }): { readonly host?: string } {
  return host === undefined ? {} : { host }
}
