// `serverpy [run]`, `discovery` and `processor`: the commands that stay until a signal ends them.
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Config } from '../../shared/config/model.js'
import { formatProblems } from '../../shared/config/problem.js'
import { type Log, LOG_LEVELS, type LogLevel } from '../../shared/log.js'
import { createLog } from '../log.js'
import { fingerprint, watchConfig } from '../config-watch.js'
import { loadWithPipes } from '../pipe-check.js'
import { readServerUrl } from '../server-url.js'
import type { Signals } from '../signals.js'
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

export function runCommand(signals: Signals): Command {
  const start: Start = (config, deps) => serveBoth(config, deps)
  return serving('run', 'run discovery server and request processor in one', start, signals)
}

export function discoveryCommand(signals: Signals): Command {
  const start: Start = (config, deps) => serveDiscovery(config, deps)
  return serving('discovery', 'run the discovery server alone', start, signals)
}

export function processorCommand(signals: Signals): Command {
  const start: Start = (config, deps, { registry }) =>
    serveProcessor(config, registry ?? `http://127.0.0.1:${config.discovery.port}`, deps)
  return serving('processor', 'run the request processor alone', start, signals).option(
    '--registry <url>',
    'the discovery server to follow (default: this machine, at the port in the config)',
    readServerUrl,
  )
}

function serving(name: string, description: string, start: Start, signals: Signals): Command {
  return withConfigFile(new Command(name).description(description))
    .addOption(
      new Option('-l, --level <level>', 'log level')
        .choices([...LOG_LEVELS])
        .default('info')
        .argParser(readLevel),
    )
    .option('--no-watch', 'do not look whether the config file changes; SIGHUP and `serverpy reload` still take it')
    .action((options: Options) => serve(options, start, signals))
}

/** The original took any case, and some say `warning`. */
function readLevel(value: string): LogLevel {
  const lower = value.toLowerCase()
  const level = lower === 'warning' ? 'warn' : lower === 'critical' ? 'fatal' : lower
  const known = LOG_LEVELS.find((candidate) => candidate === level)
  if (known === undefined) throw new InvalidArgumentError(`Choose one of ${LOG_LEVELS.join(', ')}.`)
  return known
}

async function serve(options: Options, start: Start, signals: Signals): Promise<void> {
  const load = () => loadWithPipes(options.config, process.env)
  // Before it is read: a change while we start must not be missed.
  const seen = await fingerprint(options.config)
  const parsed = await load()
  if (!parsed.ok) {
    for (const line of formatProblems(parsed.problems)) process.stderr.write(`${line}\n`)
    process.exitCode = 2
    return
  }
  const { level } = options
  const { log, close } = createLog(level, process.stdout.isTTY)
  let ending = false
  // Whoever ends it first says how.
  const end = async (code: number): Promise<void> => {
    if (ending) return
    ending = true
    await close()
    process.exit(code)
  }
  for (const line of formatProblems(parsed.warnings)) log.warn({}, line)
  process.on('uncaughtException', (error) => {
    log.error({ error: error.stack }, 'a fault of serverpy itself: please report it')
    void end(1)
  })

  // A signal that comes during the start is obeyed as soon as there is something to end.
  const ended = signalled()
  let running: Serving
  try {
    running = await start(parsed.config, { log, level, searchPath: process.env['PATH'] ?? '', load }, options)
  } catch (error) {
    process.stderr.write(`serverpy: ${error instanceof Error ? error.message : String(error)}\n`)
    return end(1)
  }
  const { reloader } = running
  signals.serve({
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
  signals.serve({ reload: () => undefined, replaceWorkers: () => undefined })
  log.info({ signal }, 'draining: requests in flight are finished, a second signal ends at once')
  void signalled().then((second) => {
    log.warn({ signal: second }, 'ended at once')
    running.kill()
    void end(second === 'SIGINT' ? 130 : 143)
  })
  await running.drain()
  log.info({}, 'ended')
  await end(0)

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
