// What is said to https instances: whom to trust, which certificate to show, and the session to go on with.
import { isIP } from 'node:net'
import tls from 'node:tls'
import { authoritiesFault, readPair } from '../../shared/config/certificates.js'
import type { UpstreamTlsConfig } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import type { Instance } from '../../shared/registry/instance.js'
import { Renewed, type Reading } from './renewed.js'
import { createRounds } from './rounds.js'

export interface UpstreamTlsFiles {
  /** By the newest files that were right; the same object until they change. */
  secureContext(config: UpstreamTlsConfig): tls.SecureContext
  /** Looks whether files have changed. A timer calls it, too. Never rejects. */
  check(): Promise<void>
  close(): void
}

const EVERY_MS = 5000

export function createUpstreamTlsFiles(deps: { readonly log: Log; readonly everyMs?: number }): UpstreamTlsFiles {
  const { log } = deps
  const contexts = new Map<string, Renewed<tls.SecureContext>>()
  // To trust nobody is the only safe answer to authorities that cannot be read; an empty text would mean the system's.
  const trustless = tls.createSecureContext({ ca: [] })
  const { check, close } = createRounds(async () => {
    await Promise.all([...contexts.values()].map(look))
  }, deps.everyMs ?? EVERY_MS)

  async function look(context: Renewed<tls.SecureContext>): Promise<void> {
    const found = await context.look()
    if (found === 'renewed') log.info({ files: context.files }, 'the certificates for instances were renewed')
    if (found !== 'refused') return
    const message = context.value ? 'the new certificates for instances cannot be used: the old ones stay' : UNUSABLE
    log.error({ files: context.files, reason: context.reason }, message)
  }

  return {
    secureContext({ caFile, certFile, keyFile }) {
      const id = JSON.stringify([caFile, certFile, keyFile])
      let context = contexts.get(id)
      if (context === undefined) {
        context = createContext(caFile, certFile, keyFile)
        contexts.set(id, context)
        if (context.value === undefined) log.error({ files: context.files, reason: context.reason }, UNUSABLE)
      }
      return context.value ?? trustless
    },
    check,
    close,
  }
}

const UNUSABLE = 'the certificates for instances cannot be used: no instance behind them is trusted'

function createContext(caFile?: string, certFile?: string, keyFile?: string): Renewed<tls.SecureContext> {
  const files = [caFile, certFile, keyFile].filter((file) => file !== undefined)
  return new Renewed(files, (contents) => {
    const [ca, cert, key] = caFile === undefined ? [undefined, ...contents] : contents
    return read(ca, cert, key)
  })
}

function read(ca?: Buffer, cert?: Buffer, key?: Buffer): Reading<tls.SecureContext> {
  const fault = ca && authoritiesFault(ca)
  if (fault) return { ok: false, reason: fault.message }
  if (cert === undefined || key === undefined) {
    return { ok: true, value: tls.createSecureContext(ca === undefined ? {} : { ca }) }
  }
  const pair = readPair(cert, key)
  if (!pair.ok) return { ok: false, reason: (pair.faults.cert ?? pair.faults.key)?.message ?? '' }
  return { ok: true, value: tls.createSecureContext({ cert, key, ...(ca && { ca }) }) }
}

/** The TLS of one instance, for as long as its endpoint lives. */
export interface InstanceTls {
  /** For `tls.connect`, beside host and port; asked anew for every connection. */
  options(): tls.ConnectionOptions
  /** To be called with what `tls.connect` returns, at once: keeps the sessions that the instance gives, for the next one. */
  keepSessions(socket: tls.TLSSocket): void
}

/** Never shared between configs: a resumed session is not verified again. */
export function createInstanceTls(
  config: UpstreamTlsConfig,
  instance: Pick<Instance, 'host'>,
  files: Pick<UpstreamTlsFiles, 'secureContext'>,
): InstanceTls {
  const name = config.serverName ?? instance.host
  const common: tls.ConnectionOptions = {
    rejectUnauthorized: config.verify,
    ALPNProtocols: ['http/1.1'],
    // An address may not be asked for (RFC 6066 section 3), yet it is what the certificate must be for.
    ...(isIP(name) === 0
      ? { servername: name }
      : {
          checkServerIdentity: (_host: string, certificate: tls.PeerCertificate) =>
            tls.checkServerIdentity(name, certificate),
        }),
  }
  let session: Buffer | undefined
  let sessionContext: tls.SecureContext | undefined
  return {
    options() {
      const secureContext = files.secureContext(config)
      // With other authorities, or as somebody else, we begin anew.
      if (sessionContext !== secureContext) session = undefined
      sessionContext = secureContext
      return { ...common, secureContext, ...(session && { session }) }
    },
    keepSessions(socket) {
      const context = sessionContext
      socket.on('session', (given: Buffer) => {
        if (sessionContext === context) session = given
      })
      // It may have been the session that the instance did not like.
      socket.once('error', () => (session = undefined))
    },
  }
}
