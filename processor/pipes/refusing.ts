// A refusal as a pipe answers it: the problem that the gateway itself would send, with what the pipe adds.
import { ERRORS, type Code } from '../../shared/errors.js'
import { problemBody, PROBLEM_TYPE } from '../../shared/problem.js'
import type { PipeExchange, Reply } from './pipe.js'

/** `detail` is for the client. `status`: in place of the code's own. */
export function refuse(
  x: PipeExchange,
  code: Code,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
  status: number = ERRORS[code].status,
): Reply {
  const body = problemBody(code, detail, x.id)
  return {
    status,
    headers: { 'Content-Type': PROBLEM_TYPE, 'Cache-Control': 'no-store', ...headers },
    body,
    error: code,
  }
}
