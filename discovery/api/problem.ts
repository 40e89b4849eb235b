// Errors of the API: RFC 9457 bodies that name what was wrong and never what is inside.
import type { Request, Response } from 'express'
import type { Log } from '../../shared/log.js'
import { PROBLEM_TYPE } from '../../shared/problem.js'

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is wrong',
  401: 'The token is missing or wrong',
  403: 'Not allowed from here',
  404: 'Not found',
  405: 'The method is not allowed here',
  413: 'The body is too large',
  415: 'The body must be application/json',
  422: 'The config file has faults',
  500: 'The discovery server failed',
  503: 'Not available now',
}

/** Thrown by a handler; `detail` is for the client. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly extra: {
      readonly field?: string
      readonly headers?: Readonly<Record<string, string>>
      /** More members of the body. */
      readonly members?: Readonly<Record<string, unknown>>
    } = {},
  ) {
    super(detail)
    this.name = 'ApiProblem'
  }
}

/** A query key or a member of the body that cannot be used. */
export function badField(field: string, detail: string): ApiProblem {
  return new ApiProblem(400, `${field}: ${detail}`, { field })
}

export function sendProblem(res: Response, problem: ApiProblem): void {
  const title = TITLES[problem.status] ?? 'The request cannot be answered'
  const { field, headers, members } = problem.extra
  res.status(problem.status).set(headers ?? {})
  res.set('Content-Type', PROBLEM_TYPE)
  res.send(
    Buffer.from(
      JSON.stringify({
        type: `urn:serverpy:api:${problem.status}`,
        title,
        status: problem.status,
        detail: problem.message,
        ...(field === undefined ? {} : { field }),
        ...members,
      }),
    ),
  )
}

/** Whatever a handler or a body parser threw, as an answer; what is not meant for the client goes to the log only. */
export function answerError(error: unknown, req: Request, res: Response, log: Log): void {
  if (res.headersSent) {
    // Half an answer is out: only a broken connection tells the client that the rest is missing.
    log.warn({ path: req.path, reason: reasonOf(error) }, 'an answer was cut short')
    res.destroy()
    return
  }
  if (error instanceof ApiProblem) return sendProblem(res, error)
  const status = clientFault(error)
  if (status !== undefined)
    return sendProblem(res, new ApiProblem(status, FAULTS[status] ?? 'the request is malformed'))
  log.error({ path: req.path, reason: reasonOf(error) }, 'an API request failed')
  sendProblem(res, new ApiProblem(500, 'the reason is in the log of the discovery server'))
}

const FAULTS: Readonly<Record<number, string>> = {
  400: 'the path or the body is malformed',
  413: 'the body is larger than this endpoint takes',
  415: 'the encoding of the body is not supported',
}

/** Express and its body parser mark the client's faults with a status. */
function clientFault(error: unknown): number | undefined {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
