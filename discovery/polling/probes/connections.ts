// Which connection a health probe travels on: a kept one where the next poll comes soon, else one of its own.
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { UpstreamTlsConfig } from '../../../shared/config/model.js'
import type { Log } from '../../../shared/log.js'

type Agent = HttpAgent | HttpsAgent

export interface Connections {
  /** `tls` undefined: plain HTTP. Throws when a file of certificates cannot be read. */
  agent(tls: UpstreamTlsConfig | undefined, keep: boolean): Agent
  /** Closes idle connections and keeps none from now on: the process is out of file descriptors. */
  shed(): void
  close(): void
}

// Longer than any period for which a connection is kept: what is idle still belongs to an instance that is gone.
const IDLE_MS = 60_000

export function createConnections(deps: { readonly log: Log }): Connections {
  const agents = new Map<string, Agent>()
  const pems = new Map<string, Buffer>()
  let mayKeep = true

  function create(tls: UpstreamTlsConfig | undefined, keepAlive: boolean): Agent {
    const options = { keepAlive, maxFreeSockets: 2, timeout: IDLE_MS, noDelay: true } as const
    if (!tls) return new HttpAgent(options)
    return new HttpsAgent({
      ...options,
      rejectUnauthorized: tls.verify,
      ...(tls.caFile !== undefined && { ca: pemOf(tls.caFile) }),
      ...(tls.certFile !== undefined && { cert: pemOf(tls.certFile) }),
      ...(tls.keyFile !== undefined && { key: pemOf(tls.keyFile) }),
      ...(tls.serverName !== undefined && { servername: tls.serverName }),
    })
  }

  function pemOf(file: string): Buffer {
    const pem = pems.get(file) ?? readFileSync(file)
    pems.set(file, pem)
    return pem
  }

  return {
    agent(tls, keep) {
      const kept = keep && mayKeep
      const key = JSON.stringify([kept, tls && [tls.verify, tls.caFile, tls.certFile, tls.keyFile, tls.serverName]])
      const agent = agents.get(key) ?? create(tls, kept)
      agents.set(key, agent)
      return agent
    },

    shed() {
      if (mayKeep)
        deps.log.warn({}, 'out of file descriptors: connections for health checks are not kept open any more')
      mayKeep = false
      for (const agent of agents.values()) {
        for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
      }
    },

    close() {
      for (const agent of agents.values()) agent.destroy()
    },
  }
}
