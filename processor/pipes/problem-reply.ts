// A problem (RFC 9457) as a reply of a pipe, with a status of the config's choice and what else it tells.
import { ERRORS, type Code } from '../../shared/errors.js'
import { PROBLEM_TYPE } from '../../shared/problem.js'
import type { PipeExchange, Reply } from './pipe.js'

/** `detail` is for the client. `more`: further members. */
export function problemReply(
  x: Pick<PipeExchange, 'id'>,
  code: Code,
  status: number,
  detail: string,
  more: Readonly<Record<string, unknown>> = {},
): Reply {
  const { title } = ERRORS[code]
  const problem = { type: `urn:serverpy:error:${code}`, title, status, code: status, detail, request_id: x.id, ...more }
  const headers = { 'Content-Type': PROBLEM_TYPE, 'Cache-Control': 'no-store' }
  return { status, headers, body: JSON.stringify(problem), error: code }
}
