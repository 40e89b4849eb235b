// The socket of the API: bounded in what it takes from strangers, and clear about why it cannot be opened.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PROBLEM_TYPE } from '../../shared/problem.js'

const CONNECTIONS = 1_024
const HEAD_MS = 10_000
const REQUEST_MS = 30_000
const KEEP_ALIVE_MS = 5_000
/** Without a byte in either direction. Change streams have their beats. */
const IDLE_MS = 60_000
const CLOSE_MS = 1_000

export interface ListenerOptions {
  /** Undefined: all interfaces, IPv6 and IPv4. */
  readonly host?: string
  /** 0 picks a free one. */
  readonly port: number
  /** Which keys of the config set them, for the message. */
  readonly hostKey: string
  readonly portKey: string
}

export interface Listener {
  readonly port: number
  /** Until this is called every request is answered with 503. */
  serve(handler: RequestListener): void
  /** Refuses new connections, gives those in use a second, then cuts them. */
  close(): Promise<void>
}

/** Rejects with an Error whose message is one line for people where the port cannot be had. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { host, port } = options
  let handler: RequestListener = starting
  const server = createServer(
    {
      headersTimeout: HEAD_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: 16 * 1_024,
    },
    (req, res) => handler(req, res),
  )
  server.maxConnections = CONNECTIONS
  server.maxHeadersCount = 100
  server.timeout = IDLE_MS
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // Without a host Node listens on `::` for both families, and on 0.0.0.0 where there is no IPv6.
      server.listen({ port, ...(host !== undefined && { host }) }, resolve)
    })
  } catch (error) {
    throw new Error(whyNot(error, options), { cause: error })
  }
  return {
    port: (server.address() as AddressInfo).port,
    serve(next) {
      handler = next
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      const cut = setTimeout(() => server.closeAllConnections(), CLOSE_MS)
      await closed
      clearTimeout(cut)
    },
  }
}

const starting: RequestListener = (_req, res) => {
  res.writeHead(503, { 'Content-Type': PROBLEM_TYPE, 'Retry-After': '1' })
  res.end(JSON.stringify({ type: 'urn:serverpy:api:503', title: 'Not available now', status: 503, detail: 'starting' }))
}

// What the system says of a host that is no address, or none that can be listened on here.
const BAD_HOST = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'ENODEV', 'ENOTFOUND'])

function whyNot(error: unknown, { host, port, hostKey, portKey }: ListenerOptions): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const where = `(discovery server): set ${portKey}`
  if (code === 'EADDRINUSE') return `port ${port} is in use ${where} to a free one, or stop what listens there`
  if (code === 'EACCES') return `port ${port} may not be opened by this user ${where} to one above 1023`
  if (BAD_HOST.has(code) || /^EAI_/.test(code)) {
    return `${host ?? 'the host'} is no address of this machine (discovery server): set ${hostKey} to one, or leave it out`
  }
  const reason = error instanceof Error ? error.message : String(error)
  return `port ${port} cannot be opened ${where} or ${hostKey}: ${reason}`
}
