// The tcp probe: whoever accepts a connection is alive.
import { connect } from 'node:net'
import type { Clock } from '../../../shared/clock.js'
import { describeFailure } from './failure.js'
import { attempt, passed, type Probe } from './probe.js'
import type { Resolver } from './resolve.js'

// For a peer that does not close its side after ours.
const LINGER_MS = 1000

export function createTcpProbe(deps: { readonly clock: Clock; readonly resolver: Resolver }): Probe<'tcp'> {
  return ({ spec, polling }, signal) =>
    attempt(polling.timeoutMs, signal, deps, (finish) => {
      const socket = connect({ host: spec.host, port: spec.port, lookup: deps.resolver.lookup })
      socket.on('error', (error) => finish(describeFailure(error)))
      socket.on('connect', () => finish(passed('connected')))
      return {
        stop() {
          if (socket.connecting || socket.destroyed) {
            socket.destroy()
            return
          }
          // A greeting that is left unread would turn the close into a reset, which servers log as an error.
          socket.resume()
          socket.end()
          socket.setTimeout(LINGER_MS, () => socket.destroy())
          socket.unref()
        },
      }
    })
}
