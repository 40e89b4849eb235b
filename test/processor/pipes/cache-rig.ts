// A gateway with the pipe `cache` in front of an origin that answers as told, and a hand-made exchange for what needs no socket.
import { parseTestConfig } from '../../kit/config.js'
import { startGateway, type TestGateway } from '../../kit/gateway.js'
import { request, type Answer } from '../../kit/http.js'
import { startOrigin, type Origin, type OriginHandler, type OriginRequest } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { CachePipe } from '../../../processor/pipes/cache/cache-pipe.js'
import { FieldLines } from '../../../processor/field-lines.js'
import type { AnswerHead, BodyWatcher, PipeExchange, PipeTools } from '../../../processor/pipes/pipe.js'
import { silentLog } from '../../../shared/log.js'
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'

export interface Cached {
  readonly gateway: TestGateway
  readonly origin: Origin
  get(target: string, fields?: Record<string, string>): Promise<Answer>
  ask(method: string, target: string, fields?: Record<string, string>): Promise<Answer>
}

/** `options`: of the pipe. */
export async function startCached(
  t: Cleanup,
  handler: OriginHandler,
  options: Record<string, unknown> = {},
  service: Record<string, unknown> = {},
): Promise<Cached> {
  const origin = await startOrigin(t, handler)
  const gateway = await startGateway(t, {
    services: {
      api: {
        servers: [origin.address],
        apis: ['/'],
        retry: { attempts: 1 },
        outlier: false,
        pipes: [{ use: 'cache', ...options }],
        ...service,
      },
    },
  })
  const ask = (method: string, target: string, fields: Record<string, string> = {}) =>
    request(gateway.port, method, target, { fields })
  return { gateway, origin, ask, get: (target, fields) => ask('GET', target, fields) }
}

/** The options that the config makes of `given`. */
export function optionsOf(given: Record<string, unknown> = {}): CacheOptions {
  const pipes = [{ use: 'cache', ...given }]
  const config = parseTestConfig({
    version: 1,
    processor: { pipes },
    services: { api: { servers: ['127.0.0.1:1'], apis: ['/'], polling: { method: 'tcp' } } },
  })
  return config.processor.pipes[0]?.options as CacheOptions
}

export interface HandMade {
  readonly pipe: CachePipe
  /** Monotonic milliseconds of all that the pipe does. */
  now: number
  exchange(target: string, lines?: string): PipeExchange
  /** What the service answers to `x`, passed to the pipe whole. */
  answer(x: PipeExchange, lines: string, body: Buffer | string): void
}

export function handMade(options: Record<string, unknown> = {}): HandMade {
  const made = {
    now: 1000,
    exchange: (target: string, lines = ''): PipeExchange =>
      ({
        ...{ method: 'GET', host: 'example.org', asked: target, target, secure: false, route: 'api:/', service: 'api' },
        ...{ startedAt: made.now, headers: new FieldLines(lines), bodyKind: 'none', signal: { aborted: false } },
      }) as unknown as PipeExchange,
    answer(x: PipeExchange, lines: string, body: Buffer | string): void {
      const bytes = Buffer.from(body)
      const head = {
        ...{ status: 200, headers: new FieldLines(lines), from: 'instance', error: undefined, length: bytes.length },
        watch(watcher: BodyWatcher) {
          watcher.piece(bytes)
          watcher.end(true)
        },
      }
      made.pipe.onResponse(x, head as unknown as AnswerHead)
      made.pipe.onDone(x)
    },
    pipe: undefined as unknown as CachePipe,
  }
  const tools = {
    ...{ name: 'cache', log: silentLog, directory: '/', workers: 1, now: () => made.now },
    after: (ms: number, run: () => void) => {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
  }
  made.pipe = new CachePipe(optionsOf(options), tools as unknown as PipeTools)
  return made
}

/** Answers with the number of the request, and these fields. */
export function counting(
  fields: Record<string, string> | ((req: OriginRequest) => Record<string, string>),
): OriginHandler {
  let count = 0
  return (req) => req.answer(200, `answer ${++count}`, typeof fields === 'function' ? fields(req) : fields)
}

export const HOUR = { 'Cache-Control': 'max-age=3600' }

/** Stale as it comes, so that no test has to wait. */
export const stale = (more: string) => ({ 'Cache-Control': `max-age=60, ${more}`, Age: '61', ETag: '"v1"' })
