// Asking a running discovery server, and saying in one line why it cannot be asked.
import axios, { type AxiosRequestConfig, isAxiosError } from 'axios'
import { InvalidArgumentError, type Command } from 'commander'
import { loadConfig } from '../../shared/config/load.js'
import { formatProblems } from '../../shared/config/problem.js'
import { isServerUrl, readServerUrl, shownUrl } from '../server-url.js'
import { printable, type Terminal } from './terminal.js'

export interface ServerOptions {
  readonly url?: string
  readonly config?: string
  readonly timeout: number
  /** Of the command line, where a command takes one there. */
  readonly token?: string
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

/** For commands that change something. */
export function withToken(command: Command): Command {
  return command.option(
    '--token <token>',
    'discovery.token (better in the config or in SERVERPY_TOKEN: others see this line)',
  )
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
  /** The same for what changes something, with the token; `timeoutSeconds` in place of the option's. */
  post(
    path: string,
    query?: Readonly<Record<string, string>>,
    timeoutSeconds?: number,
  ): Promise<{ readonly status: number; readonly body: unknown }>
  /** The body of a 200. Throws a CommandFailure for anything else. */
  get(path: string, query?: Readonly<Record<string, string>>): Promise<unknown>
}

/**
 * `--url`, else the config's port, else SERVERPY_URL, else the usual port of this machine. The token is `--token`, else
 * the config's, else SERVERPY_TOKEN.
 */
export async function createClient(options: ServerOptions, { env }: Pick<Terminal, 'env'>): Promise<DiscoveryClient> {
  const given = await fromConfig(options.config, env)
  const url = options.url ?? given?.url ?? env.SERVERPY_URL ?? 'http://127.0.0.1:8008'
  const token = options.token ?? given?.token ?? env.SERVERPY_TOKEN
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

  async function request(config: AxiosRequestConfig & { readonly url: string }) {
    try {
      const { status, data } = await http.request<unknown>({ ...config, url: `${base}${config.url}` })
      return { status, body: data }
    } catch (error) {
      throw new CommandFailure([`cannot ask the discovery server at ${name}: ${reasonOf(error)}`], 1)
    }
  }

  const client: DiscoveryClient = {
    name,
    ask: (path, query = {}) => request({ url: path, params: query }),
    post: (path, query = {}, timeoutSeconds = options.timeout) =>
      request({
        method: 'POST',
        url: path,
        params: query,
        timeout: timeoutSeconds * 1000,
        ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
      }),
    async get(path, query) {
      const { status, body } = await client.ask(path, query)
      if (status === 200) return body
      throw refusedBy(client, status, body)
    },
  }
  return client
}

/** What to say of an answer that is none of those that were hoped for. */
export function refusedBy({ name }: DiscoveryClient, status: number, body: unknown): CommandFailure {
  return new CommandFailure([`the discovery server at ${name} answered ${status}: ${detailOf(body)}`], 1)
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

async function fromConfig(
  file: string | undefined,
  env: Terminal['env'],
): Promise<{ readonly url: string; readonly token: string | undefined } | undefined> {
  if (file === undefined) return undefined
  const parsed = await loadConfig(file, env, { read: 'nothing' })
  if (!parsed.ok) throw new CommandFailure(formatProblems(parsed.problems), 2)
  const { host, port, token } = parsed.config.discovery
  // A server that listens everywhere is asked where it is certain to be: on this machine.
  const everywhere = host === undefined || host === '0.0.0.0' || host === '::'
  const name = everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return { url: `http://${name}:${port}`, token }
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
