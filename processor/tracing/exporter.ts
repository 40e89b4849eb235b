// Sends batches to an OTLP receiver over HTTP: one at a time, in bounds, and whatever becomes of them is nobody else's trouble.
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { Clock } from '../../shared/clock.js'

export interface Exporter {
  /** Resolves with what became of it; never rejects. */
  send(body: string): Promise<Sent>
  close(): void
}

/** `later`: the same may be sent again, after `afterMs` where the receiver named a time. */
export type Sent =
  | { readonly kind: 'ok' }
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: 'refused'; readonly reason: string }

interface Target {
  readonly endpoint: URL
  /** Secrets: they leave this file for the receiver alone. */
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

interface Http {
  readonly request: (url: URL, options: RequestOptions, answered: (answer: IncomingMessage) => void) => ClientRequest
  readonly Agent: new (options: { keepAlive: boolean; maxSockets: number }) => Agent
}

/** OTLP 1.x: what may be sent again. */
const AGAIN = new Set([429, 502, 503, 504])

/** Node's HTTP client is loaded with the first batch: a worker that does not trace has no use for it. */
export function createExporter(target: Target, clock: Pick<Clock, 'after'>): Exporter {
  const { endpoint, headers, timeoutMs } = target
  let agent: Agent | undefined

  async function load(): Promise<Http> {
    const http: Http = endpoint.protocol === 'https:' ? await import('node:https') : await import('node:http')
    agent ??= new http.Agent({ keepAlive: true, maxSockets: 1 })
    return http
  }

  function post({ request }: Http, body: Buffer): Promise<Sent> {
    return new Promise((resolve) => {
      const end = (sent: Sent): void => {
        cancel()
        resolve(sent)
      }
      const sending = request(
        endpoint,
        {
          method: 'POST',
          agent,
          headers: { ...headers, 'content-type': 'application/json', 'content-length': `${body.length}` },
        },
        (answer) => {
          answer.on('error', () => undefined)
          answer.on('end', () => end(verdict(answer)))
          answer.resume()
        },
      )
      const cancel = clock.after(timeoutMs, () => {
        sending.destroy()
        resolve({ kind: 'later', reason: `no answer within ${timeoutMs} ms` })
      })
      sending.on('error', (error: NodeJS.ErrnoException) => end({ kind: 'later', reason: error.code ?? error.message }))
      sending.on('close', () => end({ kind: 'later', reason: 'the connection was closed' }))
      sending.end(body)
    })
  }

  return {
    async send(body) {
      try {
        return await post(await load(), Buffer.from(body))
      } catch {
        // A field that Node refuses to send: its message would quote the value.
        return { kind: 'refused', reason: 'the request could not be made: look at the configured headers' }
      }
    },
    close: () => agent?.destroy(),
  }
}

function verdict({ statusCode = 0, headers }: IncomingMessage): Sent {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'ok' }
  const reason = `the receiver answered ${statusCode}`
  if (!AGAIN.has(statusCode)) return { kind: 'refused', reason }
  const seconds = Number(headers['retry-after'])
  return { kind: 'later', reason, ...(seconds > 0 && { afterMs: seconds * 1000 }) }
}
