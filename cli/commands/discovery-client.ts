// Asking a running discovery server, and saying in one line why it cannot be asked.
import axios, { isAxiosError } from 'axios'
import { InvalidArgumentError, type Command } from 'commander'
import { loadConfig } from '../../shared/config/load.js'
import { formatProblems } from '../../shared/config/problem.js'
import { isServerUrl, readServerUrl, shownUrl } from '../server-url.js'
import { printable, type Terminal } from './terminal.js'

export interface ServerOptions {
  readonly url?: string
  readonly config?: string
  readonly timeout: number
}

/** A failure of the command: each line goes to stderr, `code` is the exit code. */
export class CommandFailure extends Error {
  constructor(
    readonly lines: readonly string[],
    readonly code: number,
  ) {
    super(lines.join('\n'))
  }
}

/** Adds the options that say which server is meant. */
export function withServerOptions(command: Command): Command {
  return command
    .option('--url <url>', 'where the discovery server listens', readServerUrl)
    .option('-c, --config <file>', 'take its port from this config file')
    .option('--timeout <seconds>', 'how long to wait for an answer', readSeconds, 5)
}

export function readSeconds(value: string): number {
  const seconds = /^\d{1,6}(\.\d{1,3})?$/.test(value) ? Number(value) : 0
  if (seconds > 0) return seconds
  throw new InvalidArgumentError('It must be a number of seconds above 0.')
}

export interface DiscoveryClient {
  /** Its address, for people. */
  readonly name: string
  /** Whatever the status is. Throws a CommandFailure where there is no answer, or none in JSON. */
  ask(
    path: string,
    query?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly body: unknown }>
  /** The body of a 200. Throws a CommandFailure for anything else. */
  get(path: string, query?: Readonly<Record<string, string>>): Promise<unknown>
}

/** `--url`, else the config's port, else SERVERPY_URL, else the usual port of this machine. */
export async function createClient(options: ServerOptions, { env }: Pick<Terminal, 'env'>): Promise<DiscoveryClient> {
  const url = options.url ?? (await urlOfConfig(options.config, env)) ?? env.SERVERPY_URL ?? 'http://127.0.0.1:8008'
  if (!isServerUrl(url)) throw new CommandFailure(['SERVERPY_URL must begin with http:// or https://'], 2)
  const base = url.replace(/\/+$/, '')
  const name = shownUrl(base)
  const http = axios.create({
    timeout: options.timeout * 1000,
    // The answer is wanted from this server and no other.
    proxy: false,
    maxRedirects: 0,
    maxContentLength: 256 * 1024 * 1024,
    validateStatus: () => true,
    responseType: 'json',
    transitional: { silentJSONParsing: false, clarifyTimeoutError: true },
  })

  const client: DiscoveryClient = {
    name,
    async ask(path, query = {}) {
      try {
        const { status, data } = await http.get<unknown>(`${base}${path}`, { params: query })
        return { status, body: data }
      } catch (error) {
        throw new CommandFailure([`cannot ask the discovery server at ${name}: ${reasonOf(error)}`], 1)
      }
    },
    async get(path, query) {
      const { status, body } = await client.ask(path, query)
      if (status === 200) return body
      throw new CommandFailure([`the discovery server at ${name} answered ${status}: ${detailOf(body)}`], 1)
    },
  }
  return client
}

/** Runs a command's action and turns its failure into lines and an exit code. */
export async function orFail(terminal: Terminal, action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    for (const line of error.lines) terminal.err(line)
    terminal.exitWith(error.code)
  }
}

async function urlOfConfig(file: string | undefined, env: Terminal['env']): Promise<string | undefined> {
  if (file === undefined) return undefined
  const parsed = await loadConfig(file, env, { read: 'nothing' })
  if (!parsed.ok) throw new CommandFailure(formatProblems(parsed.problems), 2)
  const { host, port } = parsed.config.discovery
  // A server that listens everywhere is asked where it is certain to be: on this machine.
  const everywhere = host === undefined || host === '0.0.0.0' || host === '::'
  const name = everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be resolved now',
  ETIMEDOUT: 'it did not answer in time',
  EHOSTUNREACH: 'it is not reachable from here',
  ENETUNREACH: 'it is not reachable from here',
}

function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError || (isAxiosError(error) && error.cause instanceof SyntaxError)) {
    return 'its answer is no JSON; is it a discovery server?'
  }
  const code = isAxiosError(error) ? error.code : undefined
  return (code !== undefined && REASONS[code]) || printable(error instanceof Error ? error.message : String(error))
}

function detailOf(body: unknown): string {
  const detail = typeof body === 'object' && body !== null && 'detail' in body ? body.detail : undefined
  return typeof detail === 'string' ? printable(detail) : 'without a reason'
}
