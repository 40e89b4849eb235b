// The health probe: one HTTP or HTTPS request to the instance's endpoint, judged by status, body and latency.
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import type { Clock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import { PRODUCT, VERSION } from '../../../shared/version.js'
import { createConnections } from './connections.js'
import { judge, MAX_BODY_BYTES } from './expectation.js'
import { describeFailure, isOutOfFiles } from './failure.js'
import { attempt, silent, wrong, type Finding, type PollingOf, type Probe, type Target } from './probe.js'
import type { Resolver } from './resolve.js'

export interface HealthProbe {
  readonly probe: Probe<'health'>
  close(): void
}

/** What is the same for each try at a target. */
interface Plan {
  readonly options: RequestOptions
  /** Whether the connection is worth keeping for the next poll; unlearned when the server says that it will not. */
  keep: boolean
}

// A connection idle for longer is likely to be forgotten by something on its way, which would look like a dead instance.
const LONGEST_KEPT_MS = 30_000

const MAX_HEAD_BYTES = 16 * 1024

export function createHealthProbe(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly resolver: Resolver
}): HealthProbe {
  const { clock, resolver } = deps
  const connections = createConnections(deps)
  const plans = new WeakMap<Target<'health'>, Plan>()

  function planFor(target: Target<'health'>): Plan {
    const known = plans.get(target)
    if (known) return known
    const { spec, polling } = target
    const named = new Set(Object.keys(polling.headers).map((name) => name.toLowerCase()))
    const plan: Plan = {
      keep: polling.frequency.kind === 'every' && polling.frequency.ms <= LONGEST_KEPT_MS,
      options: {
        host: spec.host,
        port: spec.port,
        path: spec.basePath + polling.endpoint,
        method: polling.httpMethod,
        headers: {
          ...(!named.has('user-agent') && { 'User-Agent': `${PRODUCT}/${VERSION}` }),
          ...(!named.has('accept') && { Accept: '*/*' }),
          ...polling.headers,
        },
        lookup: resolver.lookup,
        maxHeaderSize: MAX_HEAD_BYTES,
      },
    }
    plans.set(target, plan)
    return plan
  }

  const probe: HealthProbe['probe'] = (target, signal) =>
    attempt(target.polling.timeoutMs, signal, deps, (finish) => {
      const { spec, polling } = target
      const plan = planFor(target)
      const startedAt = clock.now()
      let request: ClientRequest | undefined
      let reading: Reading | undefined
      let stopped = false

      function send(keep: boolean): void {
        const agent = connections.agent(spec.secure ? polling.tls : undefined, keep)
        const sent = (spec.secure ? httpsRequest : httpRequest)({ ...plan.options, agent })
        request = sent
        sent.on('error', (error) => {
          // The server had closed the kept connection just then: that says nothing about its health.
          if (!stopped && !reading && sent.reusedSocket && isClosed(error)) return send(false)
          if (isOutOfFiles(error)) connections.shed()
          finish(reading?.broken(error) ?? describeFailure(error))
        })
        sent.on('response', (response) => {
          plan.keep &&= outlivesPeriod(response, polling)
          reading = read(response, polling, () => clock.now() - startedAt, finish)
        })
        // Nobody asked for 101, yet it is a status like another.
        sent.on('upgrade', (_response, socket) => {
          socket.destroy()
          finish(judge({ status: 101, latencyMs: clock.now() - startedAt, body: '' }, polling.expect))
        })
        sent.on('close', () => {
          if (request === sent) finish(silent('connection closed without an answer'))
        })
        sent.end()
      }

      send(plan.keep)
      return {
        stop() {
          stopped = true
          // A finished answer has already given its connection back.
          if (!reading?.complete) request?.destroy()
        },
        late: () => reading?.late() ?? silent(`timeout after ${polling.timeoutMs} ms`),
      }
    })

  return { probe, close: () => connections.close() }
}

/** The answer of one try, from its head on. */
interface Reading {
  readonly complete: boolean
  broken(error: NodeJS.ErrnoException): Finding
  late(): Finding
}

function read(
  response: IncomingMessage,
  polling: PollingOf<'health'>,
  elapsedMs: () => number,
  finish: (finding: Finding, latencyMs: number) => void,
): Reading {
  const { expect, timeoutMs } = polling
  const status = response.statusCode ?? 0
  const headMs = elapsedMs()
  const chunks: Buffer[] = []
  let bytes = 0

  /** Without an expectation of the body the head has said all. */
  function conclude(): void {
    const latencyMs = expect.body ? elapsedMs() : headMs
    finish(
      judge({ status, latencyMs, body: Buffer.concat(chunks).toString('utf8', 0, MAX_BODY_BYTES) }, expect),
      latencyMs,
    )
  }

  const broken = (error: NodeJS.ErrnoException): Finding =>
    wrong(`HTTP ${status}: the body broke off: ${describeFailure(error).response}`)

  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (expect.body) chunks.push(chunk)
    if (bytes >= MAX_BODY_BYTES) conclude()
  })
  response.on('end', conclude)
  response.on('error', (error) => finish(broken(error), headMs))

  return {
    get complete() {
      return response.complete
    },
    broken,
    late: () =>
      expect.body
        ? wrong(`HTTP ${status}: the body did not end within ${timeoutMs} ms`)
        : judge({ status, latencyMs: headMs, body: '' }, expect),
  }
}

function isClosed(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}

/** Whether the server will keep an idle connection until the next poll, as far as it says (`Keep-Alive: timeout=5`). */
function outlivesPeriod(response: IncomingMessage, { frequency }: PollingOf<'health'>): boolean {
  const seconds = /timeout=(\d{1,9})/i.exec(String(response.headers['keep-alive']))?.[1]
  return frequency.kind === 'every' && (seconds === undefined || Number(seconds) * 1000 > frequency.ms)
}
