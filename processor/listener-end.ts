// How the last connections of a listener end whose port is closed while the gateway goes on: as those of a worker that leaves
// for another one, and by what held when it was closed.
import type { Core } from './core.js'
import { LAST_MS } from './leaving.js'
import type { LiveListener } from './live-listener.js'

export interface ListenerEndDeps {
  readonly core: Pick<Core, 'connections' | 'bare' | 'table'>
  /** How long it may take at most; 0: as long as it needs. */
  readonly drainMs: number
  /** Nothing is left. */
  readonly over: () => void
}

/** Returns what is to be called when no connection can come any more: until then handshakes may be under way. */
export function endListener(listener: LiveListener, { core, drainMs, over }: ListenerEndDeps): () => void {
  let closed = false
  let timer = drainMs > 0 ? setTimeout(closeIdle, drainMs) : undefined
  listener.last = core.table
  listener.emptied = look

  function look(): void {
    if (!closed || listener.connections > 0) return
    clearTimeout(timer)
    listener.emptied = () => undefined
    over()
  }

  function closeIdle(): void {
    timer = setTimeout(cut, LAST_MS)
    for (const connection of core.connections) if (connection.listener === listener) connection.drain()
  }

  function cut(): void {
    for (const one of core.connections) if (one.listener === listener) one.destroy()
    for (const one of core.bare) if (one.listener === listener) one.destroy()
  }

  return () => {
    closed = true
    look()
  }
}
