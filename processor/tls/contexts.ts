// The certificates of the processor's own port: which one a client gets, and new ones without a restart.
import { constants, type X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { readPair } from '../../shared/config/certificates.js'
import type { CertificateConfig, DownstreamTlsConfig } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import { createExpiryWatch, shown } from './expiry.js'
import { Renewed, type Reading } from './renewed.js'
import { createRounds } from './rounds.js'
import { createServerNames } from './server-names.js'

export interface TlsContexts {
  /**
   * For `new tls.TLSSocket(socket, options)`. Asked anew for every connection, because files change; the same object
   * until they do.
   */
  options(): tls.TLSSocketOptions
  /** Looks whether files have changed, and takes them if they are right. A timer calls it, too. Never rejects. */
  check(): Promise<void>
  /** Ends the timer; connections go on. */
  close(): void
}

export interface TlsContextsDeps {
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** 48 bytes, the same in all workers: a client that comes back may reach another one. */
  readonly ticketKeys: Buffer
  /** Whatever a client wants to speak by ALPN is agreed to: it is passed on, and not read. Else HTTP/1.1 alone. */
  readonly anyProtocol?: boolean
  readonly everyMs?: number
}

const EVERY_MS = 5000

/** OpenSSL's own is two hours; the keys of the tickets stay as long as the processes. */
const SESSION_S = 3600

/** Forward secrecy and authenticated encryption only. TLS 1.3 has nothing else, so its suites stay Node's. */
const TLS12_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** A client that puts ChaCha20 first has no AES in its hardware; a renegotiation costs us far more than it. */
const SECURE_OPTIONS = constants.SSL_OP_PRIORITIZE_CHACHA | constants.SSL_OP_NO_RENEGOTIATION

interface Ready {
  readonly context: tls.SecureContext
  readonly leaf: X509Certificate
  /** Its DNS names. */
  readonly names: readonly string[]
}

/** A file that cannot be used is an error in the log, and the worker serves with the others. */
export function createTlsContexts(config: DownstreamTlsConfig, deps: TlsContextsDeps): TlsContexts {
  const { log, now = Date.now, anyProtocol = false } = deps
  const common: tls.SecureContextOptions = {
    ciphers: TLS12_CIPHERS,
    honorCipherOrder: true,
    secureOptions: SECURE_OPTIONS,
    minVersion: config.minVersion,
    // A session is resumed only where both are the same as when it began.
    sessionIdContext: 'serverpy',
    sessionTimeout: SESSION_S,
    ticketKeys: deps.ticketKeys,
    // No client is asked for a certificate, and the system's authorities would only take memory.
    ca: [],
  }
  const entries = config.certificates.map((certificate) => createEntry(certificate, common, { log, now }))
  let current = optionsOf(entries, common, anyProtocol)
  const { check, close } = createRounds(async () => {
    const looks = await Promise.all(entries.map((entry) => entry.look()))
    if (looks.includes(true)) current = optionsOf(entries, common, anyProtocol)
  }, deps.everyMs ?? EVERY_MS)
  return { options: () => current, check, close }
}

interface Entry {
  readonly hosts: readonly string[]
  readonly ready: () => Ready | undefined
  /** True where there is a new one. */
  look(): Promise<boolean>
}

function createEntry(
  { certFile, keyFile, hosts }: CertificateConfig,
  common: tls.SecureContextOptions,
  deps: { readonly log: Log; readonly now: () => number },
): Entry {
  const { log } = deps
  const watch = createExpiryWatch(certFile, deps)
  const pair = new Renewed([certFile, keyFile], ([cert, key]) => read(cert, key, common))
  if (pair.value === undefined) {
    log.error({ certificate: certFile, reason: pair.reason }, 'the certificate cannot be used')
  } else watch(pair.value.leaf)
  return {
    hosts,
    ready: () => pair.value,
    async look() {
      const look = await pair.look()
      const { value } = pair
      if (look === 'refused') {
        const message = value
          ? 'the new certificate cannot be used: the old one stays'
          : 'the certificate cannot be used'
        log.error({ certificate: certFile, reason: pair.reason }, message)
      }
      if (value === undefined) return false
      if (look === 'renewed') log.info(shown(certFile, value.leaf), 'the certificate was renewed')
      watch(value.leaf)
      return look === 'renewed'
    },
  }
}

function read(cert: Buffer | undefined, key: Buffer | undefined, common: tls.SecureContextOptions): Reading<Ready> {
  if (cert === undefined || key === undefined) return { ok: false, reason: 'a file is missing' }
  const found = readPair(cert, key)
  if (!found.ok) return { ok: false, reason: (found.faults.cert ?? found.faults.key)?.message ?? '' }
  const { leaf, names } = found.pair
  return { ok: true, value: { context: tls.createSecureContext({ ...common, cert, key }), leaf, names } }
}

function optionsOf(
  entries: readonly Entry[],
  common: tls.SecureContextOptions,
  anyProtocol: boolean,
): tls.TLSSocketOptions {
  const named = entries.flatMap(({ hosts, ready }) => {
    const value = ready()
    return value ? [{ hosts: hosts.length > 0 ? hosts : value.names, value: value.context }] : []
  })
  // Without any certificate every handshake fails, and the first good files end that.
  const first = named[0]?.value ?? tls.createSecureContext(common)
  const find = createServerNames(named)
  return {
    isServer: true,
    secureContext: first,
    ...(anyProtocol ? { ALPNCallback: firstOf } : { ALPNProtocols: [HTTP] }),
    // With one certificate there is nothing to choose.
    ...(named.length > 1 && {
      SNICallback: (name: string, answer: (error: Error | null, context?: tls.SecureContext) => void) =>
        answer(null, find(name) ?? first),
    }),
  }
}

const HTTP = 'http/1.1'

/** Of several, what is spoken where nothing is agreed: nobody here knows what the instance speaks. */
function firstOf({ protocols }: { readonly protocols: readonly string[] }): string | undefined {
  return protocols.includes(HTTP) ? HTTP : protocols[0]
}
