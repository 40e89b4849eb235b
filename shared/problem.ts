// RFC 9457 bodies, written the same way by the processor and the admin API.
import { ERRORS, type Code } from './errors.js'

export const PROBLEM_TYPE = 'application/problem+json'

/** The body for a failure of the processor; `status` keeps the seed's text where the seed had one. */
export function problemBody(code: Code, detail: string, requestId: string, other: OtherProblem = {}): string {
  const row = ERRORS[code]
  const { status = row.status, more } = other
  return JSON.stringify({
    type: `urn:serverpy:error:${code}`,
    title: row.title,
    status: row.seed ?? status,
    code: status,
    detail,
    request_id: requestId,
    ...more,
  })
}

/** What a problem may have beside the usual. */
export interface OtherProblem {
  /** In place of the code's own. */
  readonly status?: number
  /** Further members. */
  readonly more?: Readonly<Record<string, unknown>> | undefined
}
