// Sends copies of requests to an address that is no service of the config, over a bounded number of connections.
import { Agent as HttpAgent, request as httpRequest, type ClientRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { FieldLines } from '../field-lines.js'

export interface UrlCopy {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly fields: string
  readonly body?: Buffer
}

export interface UrlCall {
  /** `over` is called once, in whatever way it ends. */
  call(copy: UrlCopy, over: () => void): void
  /** Ends what is under way. */
  close(): void
}

export function createUrlCall(base: string, limits: { timeoutMs: number; connections: number }): UrlCall {
  const { timeoutMs, connections } = limits
  const url = new URL(base)
  const secure = url.protocol === 'https:'
  const basePath = url.pathname === '/' ? '' : url.pathname
  const agentOptions = { keepAlive: true, maxSockets: connections, maxFreeSockets: Math.min(connections, 32) }
  const agent = secure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions)
  const request = secure ? httpsRequest : httpRequest

  function begin({ method, target, fields, body }: UrlCopy): ClientRequest | undefined {
    const headers = ['Host', url.host, ...rawFields(fields), ...lengthOf(body)]
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
    try {
      return request({ agent, method, host, port, path: basePath + target, headers })
    } catch {
      // Node sends no bytes beyond ASCII in a path.
      return undefined
    }
  }

  return {
    call(asked, over) {
      const copy = begin(asked)
      if (copy === undefined) return over()
      // For the whole of it: a peer that sends a byte now and then is given up, too.
      const timer = setTimeout(() => copy.destroy(), timeoutMs)
      timer.unref()
      copy.on('response', (answer) => answer.resume())
      copy.on('error', () => undefined)
      copy.on('close', () => {
        clearTimeout(timer)
        over()
      })
      copy.end(asked.body)
    },
    close: () => agent.destroy(),
  }
}

function rawFields(fields: string): string[] {
  return [...new FieldLines(fields)].flat()
}

function lengthOf(body: Buffer | undefined): string[] {
  return body === undefined ? [] : ['Content-Length', String(body.length)]
}
