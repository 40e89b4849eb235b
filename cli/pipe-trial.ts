// Runs one pipe against given requests, in the real gateway: once without it and once with it, before a service that
// answers as it is told. `serverpy pipe test` shows what comes of it, and tests of pipes import it as `serverpy/pipe-test`.
import { request as send, createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createWheel } from '../processor/engine/wheel.js'
import { openGateway } from '../processor/gateway.js'
import { watchPipes } from '../processor/pipes/watch-pipes.js'
import { createRecorder } from '../processor/recorder.js'
import type { Config } from '../shared/config/model.js'
import { parseConfig } from '../shared/config/parse.js'
import { formatProblem } from '../shared/config/problem.js'
import type { Log } from '../shared/log.js'
import { checkPipes } from './pipe-check.js'

type Fields = Readonly<Record<string, string | readonly string[]>>

/** A request, and what the service answers to it. Whatever is left out has a plain value. */
export interface Sample {
  readonly method?: string
  /** Path and query. */
  readonly target?: string
  readonly headers?: Fields
  readonly body?: string | Uint8Array
  readonly answer?: { readonly status?: number; readonly headers?: Fields; readonly body?: string | Uint8Array }
}

export interface SeenRequest {
  readonly method: string
  readonly target: string
  /** By lower-case name; several of one name are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface SeenAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What came of one request. */
export interface Passage {
  /** What the service got; undefined: it was not asked. */
  readonly request: SeenRequest | undefined
  /** What the client got. */
  readonly answer: SeenAnswer
}

export interface Trial extends Passage {
  /** The same without the pipe. */
  readonly without: Passage
  /** What the pipe threw, and that it took too long. */
  readonly errors: readonly string[]
}

export interface TrialOptions {
  /** As they would stand beside `use`; keys of every pipe, such as `on_throw`, too. */
  readonly options?: Readonly<Record<string, unknown>>
  readonly requests?: readonly Sample[]
  /** What relative paths are relative to. */
  readonly directory?: string
}

const ANSWER_MS = 30_000
const SAMPLES: readonly Sample[] = [
  {},
  { method: 'POST', target: '/things?sort=name', headers: { 'content-type': 'application/json' }, body: '{"a":1}' },
  { target: '/things/7', answer: { status: 404, body: 'no such thing' } },
]

/**
 * `pipe`: as after `use`: a path, a file URL, the name of a package or of a built-in pipe. The requests go one after the
 * other. Throws an Error that says what is wrong with the pipe or its options.
 */
export async function tryPipe(
  pipe: string | URL,
  { options = {}, requests = SAMPLES, directory = process.cwd() }: TrialOptions = {},
): Promise<Trial[]> {
  const use = pipe instanceof URL ? fileURLToPath(pipe) : pipe
  const service = await openService()
  const errors: string[] = []
  const watching = watchPipes(errorLog(errors))
  const closing: (() => unknown)[] = [() => watching.close(), () => service.server.close()]
  try {
    const [bare, piped] = [
      configOf(service.port, [], directory),
      configOf(service.port, [{ use, ...options }], directory),
    ]
    const problems = await checkPipes(piped, piped.file)
    if (problems.length > 0) throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
    const without = await open(bare, errors)
    closing.unshift(without.close)
    const within = await open(piped, errors)
    closing.unshift(within.close)
    if (within.isMissing) throw new Error(`the pipe could not be made: ${errors.join('\n')}`)
    const trials: Trial[] = []
    for (const sample of requests) {
      const plain = await pass(sample, without.port, service)
      errors.length = 0
      const seen = await pass(sample, within.port, service)
      trials.push({ ...seen, without: plain, errors: [...errors] })
    }
    return trials
  } finally {
    for (const close of closing) await close()
  }
}

function configOf(port: number, pipes: readonly object[], directory: string): Config {
  const services = {
    service: { servers: [`127.0.0.1:${port}`], polling: { method: 'tcp' }, apis: ['/'], retry: { attempts: 1 } },
  }
  const processor = { host: '127.0.0.1', port: 0, workers: 1, pipes }
  const parsed = parseConfig(JSON.stringify({ version: 1, processor, services }), join(directory, 'trial.json'), {})
  if (parsed.ok) return parsed.config
  throw new Error(parsed.problems.map((one) => formatProblem({ ...one, line: 0, file: '' }).trim()).join('\n'))
}

interface Opened {
  readonly port: number
  /** A pipe could not be made; why is among the errors. */
  readonly isMissing: boolean
  close(): void
}

/** A gateway whose one instance is up. */
async function open(config: Config, errors: string[]): Promise<Opened> {
  const wheel = createWheel()
  const recorder = createRecorder('trial', 0, () => undefined)
  const gateway = await openGateway(config, {
    via: 'serverpy-trial',
    ownPort: 0,
    wheel,
    recorder,
    log: errorLog(errors),
  })
  const instances = config.services.flatMap(({ servers }) =>
    servers.map(({ spec }) => ({ ...spec, health: 'up' as const, since: 0 })),
  )
  gateway.receive({ kind: 'whole', snapshot: { term: 1, seq: 1, instances } })
  await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve))
  return {
    port: (gateway.server.address() as AddressInfo).port,
    isMissing: [...gateway.pipes.steps].some(({ pipe }) => pipe === undefined),
    close() {
      gateway.server.close()
      for (const connection of gateway.core.connections) connection.destroy()
      for (const endpoint of gateway.endpoints.values()) endpoint.retire()
      void gateway.pipes.close()
      wheel.close()
    },
  }
}

/** Keeps what pipes throw, and lets the rest go. */
function errorLog(errors: string[]): Log {
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error({ hook, error }, message) {
      const where = typeof hook === 'string' ? `${hook}: ` : ''
      errors.push(`${where}${typeof error === 'string' ? error : message}`)
    },
    child: () => log,
  }
  return log
}

interface Service {
  readonly server: Server
  readonly port: number
  /** What is answered next. */
  next: Sample['answer']
  /** What was asked last. */
  seen: SeenRequest | undefined
}

async function openService(): Promise<Service> {
  const server = createServer((asked, answer) => {
    void bodyOf(asked).then((body) => {
      const { method = '', url: target = '' } = asked
      service.seen = { method, target, headers: headersOf(asked), body }
      const { status = 200, headers = { 'content-type': 'text/plain' }, body: said = 'hello' } = service.next ?? {}
      answer.writeHead(status, copyOf(headers)).end(said)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const service: Service = { server, port: (server.address() as AddressInfo).port, next: undefined, seen: undefined }
  return service
}

async function pass(sample: Sample, port: number, service: Service): Promise<Passage> {
  service.next = sample.answer
  service.seen = undefined
  const answer = await ask(sample, port)
  return { request: service.seen, answer }
}

function ask({ method = 'GET', target = '/', headers = {}, body }: Sample, port: number): Promise<SeenAnswer> {
  return new Promise((resolve, reject) => {
    const fields = { host: 'gateway.test', 'user-agent': 'serverpy-trial', ...copyOf(headers) }
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const options = { host: '127.0.0.1', port, method, path: target, headers: { ...fields, ...length }, agent: false }
    const asked = send(options, (answer) => {
      const { statusCode: status = 0 } = answer
      bodyOf(answer).then((text) => resolve({ status, headers: headersOf(answer), body: text }), reject)
    })
    asked.setTimeout(ANSWER_MS, () => asked.destroy(new Error(`no answer after ${ANSWER_MS / 1000} s`)))
    asked.on('error', reject)
    asked.end(body)
  })
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of message) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

function headersOf({ headersDistinct }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headersDistinct).map(([name, values = []]) => [name, values.join(', ')]))
}

function copyOf(headers: Fields): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  )
}
