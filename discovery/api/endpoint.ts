// Mounting endpoints: GET answers HEAD too, any other method is a 405 that says what is allowed.
import type { Express, Request, Response } from 'express'
import { ApiProblem } from './problem.js'

export type Endpoint = (req: Request, res: Response) => void | Promise<void>

/** One path of the API; patterns are express 5's. */
export function mount(
  app: Express,
  path: string,
  methods: { readonly get?: Endpoint; readonly post?: Endpoint },
): void {
  const allow = [...(methods.get ? ['GET', 'HEAD'] : []), ...(methods.post ? ['POST'] : []), 'OPTIONS'].join(', ')
  const route = app.route(path)
  if (methods.get) route.get(methods.get)
  if (methods.post) route.post(methods.post)
  route.options((_req, res) => {
    res.status(204).set('Allow', allow).end()
  })
  route.all((req) => {
    throw new ApiProblem(405, `${req.method} is not allowed here, only ${allow}`, { headers: { Allow: allow } })
  })
}

export function sendJson(res: Response, body: unknown): void {
  res.set('Content-Type', 'application/json; charset=utf-8').send(Buffer.from(JSON.stringify(body)))
}

/** ISO 8601 in UTC. */
export function iso(epochMs: number): string {
  return new Date(epochMs).toISOString()
}
