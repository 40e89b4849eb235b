// A refusal as a pipe answers it: the problem that the gateway itself would send, with what the pipe adds.
import { ERRORS, type Code } from '../../shared/errors.js'
import { type OtherProblem, problemBody, PROBLEM_TYPE } from '../../shared/problem.js'
import type { PipeExchange, Reply } from './pipe.js'

/** `detail` is for the client. `headers` stand beside those of every problem. */
export function refuse(
  x: Pick<PipeExchange, 'id'>,
  code: Code,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
  other: OtherProblem = {},
): Reply {
  return {
    status: other.status ?? ERRORS[code].status,
    headers: { 'Content-Type': PROBLEM_TYPE, 'Cache-Control': 'no-store', ...headers },
    body: problemBody(code, detail, x.id, other),
    error: code,
  }
}
