// The one that is asked whether a request may pass: a service of the registry, or a URL outside of it.
import { ProxyError } from '../../../shared/errors.js'
import type { AuthForwardOptions } from '../../../shared/config/pipes/auth-forward.js'
import { FieldLines, lineOf } from '../../field-lines.js'
import type { PipeExchange } from '../pipe.js'
import { boundedFetch } from './bounded-fetch.js'

export interface Judgement {
  readonly status: number
  readonly fields: FieldLines
  readonly body: Buffer
}

/** Asks on behalf of `x`. Rejects with an Error where there is no answer; with the code `client-gone` nobody waits for one. */
export type Authority = (x: PipeExchange) => Promise<Judgement>

export function createAuthority({ asks, requestFields, timeoutMs, mostBytes }: AuthForwardOptions): Authority {
  const passed = (x: PipeExchange): string => {
    let lines = lineOf('X-Forwarded-Method', x.method) + lineOf('X-Forwarded-Uri', x.asked)
    for (const name of requestFields) {
      for (const value of x.headers.getAll(name)) lines += lineOf(name, value)
    }
    return lines
  }
  if (asks.kind === 'service') {
    const { service, path } = asks
    return (x) => x.call({ service, method: 'GET', target: path, fields: passed(x), timeoutMs, mostBytes }).answer
  }
  return async (x) => {
    const headers = new Headers([
      ...new FieldLines(passed(x)),
      ['X-Forwarded-For', x.address],
      ['X-Forwarded-Host', x.host],
      ['X-Forwarded-Proto', x.secure ? 'https' : 'http'],
      ['X-Request-Id', x.id],
      ['Accept-Encoding', 'identity'],
    ])
    try {
      const answer = await boundedFetch(asks.url, headers, { timeoutMs, mostBytes, signal: x.signal })
      return { status: answer.status, body: answer.body, fields: linesOf(answer.headers) }
    } catch (error) {
      if (x.signal.aborted) throw new ProxyError('client-gone', 'client', 'never', 'nobody waits any more')
      throw error
    }
  }
}

/** Fields of one hop, and those that said how the body travelled, before it was read. */
const NOT_PASSED =
  /^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|content-length|content-encoding)$/

function linesOf(headers: Headers): FieldLines {
  let lines = ''
  for (const [name, value] of headers) if (!NOT_PASSED.test(name)) lines += lineOf(name, value)
  return new FieldLines(lines)
}
