// `serverpy [run]`, `discovery` and `processor`: the commands that stay until a signal ends them.
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Config } from '../../shared/config/model.js'
import { loadConfig } from '../../shared/config/load.js'
import { formatProblems } from '../../shared/config/problem.js'
import { type Log, LOG_LEVELS, type LogLevel } from '../../shared/log.js'
import { createLog } from '../log.js'
import { fingerprint, watchConfig } from '../config-watch.js'
import { readServerUrl } from '../server-url.js'
import { withConfigFile } from '../usage.js'
import { systemClock } from '../../shared/clock.js'
import { type ServeDeps, serveBoth, serveDiscovery, serveProcessor, type Serving } from '../serve.js'

interface Options {
  readonly config: string
  readonly level: LogLevel
  readonly registry?: string
  readonly watch: boolean
}

type Start = (config: Config, deps: ServeDeps, options: Options) => Promise<Serving>

export function runCommand(): Command {
  return serving('run', 'run discovery server and request processor in one', (config, deps) => serveBoth(config, deps))
}

export function discoveryCommand(): Command {
  return serving('discovery', 'run the discovery server alone', (config, deps) => serveDiscovery(config, deps))
}

export function processorCommand(): Command {
  const start: Start = (config, deps, { registry }) =>
    serveProcessor(config, registry ?? `http://127.0.0.1:${config.discovery.port}`, deps)
  return serving('processor', 'run the request processor alone', start).option(
    '--registry <url>',
    'the discovery server to follow (default: this machine, at the port in the config)',
    readServerUrl,
  )
}

function serving(name: string, description: string, start: Start): Command {
  return withConfigFile(new Command(name).description(description))
    .addOption(
      new Option('-l, --level <level>', 'log level')
        .choices([...LOG_LEVELS])
        .default('info')
        .argParser(readLevel),
    )
    .option('--no-watch', 'do not look whether the config file changes; SIGHUP and `serverpy reload` still take it')
    .action((options: Options) => serve(options, start))
}

/** The original took any case, and some say `warning`. */
function readLevel(value: string): LogLevel {
  const lower = value.toLowerCase()
  const level = lower === 'warning' ? 'warn' : lower === 'critical' ? 'fatal' : lower
  const known = LOG_LEVELS.find((candidate) => candidate === level)
  if (known === undefined) throw new InvalidArgumentError(`Choose one of ${LOG_LEVELS.join(', ')}.`)
  return known
}

async function serve(options: Options, start: Start): Promise<void> {
  // From the first moment on: without a listener these signals end a process.
  const asked = onRequest()
  const load = () => loadConfig(options.config, process.env)
  // Before it is read: a change while we start must not be missed.
  const seen = await fingerprint(options.config)
  const parsed = await load()
  if (!parsed.ok) {
    for (const line of formatProblems(parsed.problems)) process.stderr.write(`${line}\n`)
    process.exitCode = 2
    asked.close()
    return
  }
  const { level } = options
  const log = createLog(level, process.stdout.isTTY)
  for (const line of formatProblems(parsed.warnings)) log.warn({}, line)
  process.on('uncaughtException', (error) => {
    log.error({ error: error.stack }, 'a fault of serverpy itself: please report it')
    process.exit(1)
  })

  // A signal that comes during the start is obeyed as soon as there is something to end.
  const ended = signalled()
  let running: Serving
  try {
    running = await start(parsed.config, { log, level, searchPath: process.env['PATH'] ?? '', load }, options)
  } catch (error) {
    process.stderr.write(`serverpy: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
  const { reloader } = running
  asked.serve({
    reload: () => void reloader.reload('SIGHUP').catch(unforeseen),
    replaceWorkers: () => void replaceWorkers(running, log).catch(unforeseen),
  })
  const watching = options.watch
    ? watchConfig(options.config, seen, () => void reloader.reload('the file has changed').catch(unforeseen), {
        clock: systemClock,
        log,
      })
    : undefined
  const signal = await ended
  watching?.close()
  asked.serve({ reload: () => undefined, replaceWorkers: () => undefined })
  log.info({ signal }, 'draining: requests in flight are finished, a second signal ends at once')
  void signalled().then((second) => {
    log.warn({ signal: second }, 'ended at once')
    running.kill()
    process.exit(second === 'SIGINT' ? 130 : 143)
  })
  await running.drain()
  log.info({}, 'ended')
  process.exit(0)

  function unforeseen(error: unknown): void {
    log.error({ error: error instanceof Error ? error.stack : String(error) }, 'the config could not be put in force')
  }
}

async function replaceWorkers({ replaceWorkers }: Serving, log: Log): Promise<void> {
  if (replaceWorkers === undefined) return log.info({}, 'no workers run in this process')
  try {
    log.info({ ...(await replaceWorkers()) }, 'the workers were replaced')
  } catch (error) {
    log.error({ reason: error instanceof Error ? error.message : String(error) }, 'the workers were not replaced')
  }
}

interface Requests {
  readonly reload: () => void
  readonly replaceWorkers: () => void
}

/** SIGHUP and SIGUSR2; what comes before somebody serves them is served then, once. */
function onRequest(): { serve(by: Requests): void; close(): void } {
  const early = new Set<keyof Requests>()
  let served: Requests | undefined
  const listener = (which: keyof Requests) => (): void => {
    if (served === undefined) early.add(which)
    else served[which]()
  }
  const reload = listener('reload')
  const replaceWorkers = listener('replaceWorkers')
  process.on('SIGHUP', reload).on('SIGUSR2', replaceWorkers)
  return {
    serve(by) {
      served = by
      for (const which of early) by[which]()
      early.clear()
    },
    close: () => void process.off('SIGHUP', reload).off('SIGUSR2', replaceWorkers),
  }
}

function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const signals = ['SIGTERM', 'SIGINT'] as const
    const on = (signal: NodeJS.Signals): void => {
      for (const one of signals) process.off(one, on)
      resolve(signal)
    }
    for (const one of signals) process.on(one, on)
  })
}
