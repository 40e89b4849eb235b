// A gateway with one merging route and scripted services behind it: what the tests of the handler start from.
import type { TestContext } from 'node:test'
import type { Log } from '../../../shared/log.js'
import { startGateway, type TestGateway } from '../../kit/gateway.js'
import { request, type Answer } from '../../kit/http.js'
import { startOrigin, type Origin, type OriginHandler, type OriginRequest } from '../../kit/origin.js'

type Given = OriginHandler | string | object

export interface Serving {
  readonly gateway: TestGateway
  readonly origins: Readonly<Record<string, Origin>>
  ask(target?: string, more?: Asked): Promise<Answer>
}

interface Asked {
  readonly method?: string
  readonly fields?: Record<string, string>
  readonly body?: Buffer | string
}

/**
 * Each service has one instance: a handler, or the body that it answers everything with. `route` stands beside
 * `match: { path: '/m/{id}' }`, unless it has a match of its own.
 */
export async function serve(
  t: TestContext,
  services: Record<string, Given>,
  route: object,
  more: { readonly log?: Log } = {},
): Promise<Serving> {
  const origins: Record<string, Origin> = {}
  for (const [name, given] of Object.entries(services)) origins[name] = await startOrigin(t, handlerOf(given))
  const given = Object.entries(origins).map(([name, { address }]) => [
    name,
    { servers: [address], apis: [`/of-${name}`] },
  ])
  const routes = [{ match: { path: '/m/{id}' }, ...route }]
  const gateway = await startGateway(t, { services: Object.fromEntries(given), routes }, undefined, more)
  return {
    gateway,
    origins,
    ask: (target = '/m/7', { method = 'GET', ...more } = {}) => request(gateway.port, method, target, more),
  }
}

function handlerOf(given: Given): OriginHandler {
  if (typeof given === 'function') return given as OriginHandler
  const body = typeof given === 'string' ? given : JSON.stringify(given)
  return (asked) => asked.answer(200, body)
}

/** Answers with what it was asked: path and query, and the fields that are named. */
export function echo(...names: string[]): OriginHandler {
  return (asked) => {
    const fields = Object.fromEntries(names.map((name) => [name, asked.field(name) ?? null]))
    asked.answer(
      200,
      JSON.stringify({ target: asked.target, method: asked.method, ...(names.length > 0 && { fields }) }),
    )
  }
}

/** Answers everything alike. */
export function status(code: number, body: Buffer | string = '', fields: Record<string, string> = {}): OriginHandler {
  return (asked: OriginRequest) => asked.answer(code, body, fields)
}
