// RFC 9457 bodies, written the same way by the processor and the admin API.
import { ERRORS, type Code } from './errors.js'

export const PROBLEM_TYPE = 'application/problem+json'

/** The body for a failure of the processor; `status` keeps the seed's text where the seed had one. */
export function problemBody(code: Code, detail: string, requestId: string): string {
  const row = ERRORS[code]
  return JSON.stringify({
    type: `urn:serverpy:error:${code}`,
    title: row.title,
    status: row.seed ?? row.status,
    code: row.status,
    detail,
    request_id: requestId,
  })
}
