// How a worker leaves: no new connection, an answer for every request that has come, and an end to every wait.
import type net from 'node:net'
import type { Core } from './core.js'

export interface Leaving {
  /**
   * `gentle`: connections that wait for their next request may still send it, and are told with the answer that it was their
   * last; a connection closed under such a request would lose it. Else they are closed at once. May be called again.
   */
  begin(gentle: boolean): void
}

export interface LeavingDeps {
  readonly core: Pick<Core, 'connections' | 'bare' | 'open' | 'draining'>
  /** Those that listen now. */
  readonly servers: () => Iterable<net.Server>
  /** Those that were closed before, and still wait for handshakes. */
  readonly closing: { readonly size: number }
  /** How long it may take at most; 0: as long as it needs. */
  readonly drainMs: () => number
  /** Nothing is left. */
  readonly over: () => void
}

/** After a gentle wait: for the last answers, and for clients to see the end of their connection. */
export const LAST_MS = 1000
const LOOK_MS = 10

export function createLeaving({ core, servers, closing, drainMs, over }: LeavingDeps): Leaving {
  let open = 0
  let look: NodeJS.Timeout | undefined
  let timer: NodeJS.Timeout | undefined

  function closeIdle(): void {
    for (const connection of core.connections) connection.drain()
  }

  function giveUp(): void {
    // What is cut off is counted, too.
    for (const connection of core.connections) connection.destroy()
    for (const connection of core.bare) connection.destroy()
    end()
  }

  function end(): void {
    clearInterval(look)
    clearTimeout(timer)
    over()
  }

  return {
    begin(gentle) {
      core.draining = true
      // A server counts what is not among the connections yet: whoever still shakes hands is waited for, too.
      if (look === undefined) {
        for (const server of servers()) {
          open++
          server.close(() => open--)
        }
      }
      look ??= setInterval(() => {
        if (open === 0 && closing.size === 0 && core.open === 0) end()
      }, LOOK_MS)
      clearTimeout(timer)
      const ms = drainMs()
      if (!gentle) {
        closeIdle()
        timer = ms > 0 ? setTimeout(giveUp, ms) : undefined
      } else if (ms > 0) {
        timer = setTimeout(() => {
          closeIdle()
          timer = setTimeout(giveUp, LAST_MS)
        }, ms)
      }
    },
  }
}
