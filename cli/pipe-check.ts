// Checks users' pipes before a config is taken: each module is loaded in a thread of its own, and judges its options.
import type { Config, Parsed, PipeConfig, Problem } from '../shared/config/model.js'
import { inFileOrder, pathText } from '../shared/config/problem.js'
import { loadConfig } from '../shared/config/load.js'
import { spawnThread } from '../shared/spawn-thread.js'
import type { Environment } from '../shared/config/variables.js'
import type { OptionFault } from '../processor/pipes/definition.js'

/** To load a module and to check its options. */
const MOST_MS = 10_000
const AT_ONCE = 4
const MOST_MEMORY_MB = 256
/** Of what a module throws. */
const LONGEST_MESSAGE = 500

/** What Node ends a thread with whose top-level await has nothing left to wait for. */
const UNSETTLED = 13
const ENDS = 'it ends the process while it is loaded'

export interface CheckOrder {
  /** Absolute path. */
  readonly module: string
  /** Of each place in the config where it stands. */
  readonly options: readonly unknown[]
}

export type CheckResult =
  | { readonly ok: true; readonly faults: readonly (readonly OptionFault[])[] }
  | { readonly ok: false; readonly message: string }

/** Reads a config file as `loadConfig` does, and has the modules of its pipes judge their options. */
export async function loadWithPipes(file: string, env: Environment, mostMs = MOST_MS): Promise<Parsed> {
  const parsed = await loadConfig(file, env)
  if (!parsed.ok) return parsed
  const problems = await checkPipes(parsed.config, file, mostMs)
  return problems.length === 0 ? parsed : { ok: false, problems }
}

/** `file`: what problems call the config. */
export async function checkPipes(config: Config, file: string, mostMs = MOST_MS): Promise<readonly Problem[]> {
  const waiting = [...byModule(config)]
  const problems: Problem[] = []
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [module, pipes] = next
      const result = await run({ module, options: pipes.map((pipe) => pipe.options) }, mostMs)
      problems.push(...pipes.flatMap((pipe, i) => problemsOf(pipe, i, result, file)))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return inFileOrder(problems)
}

/** Those of a service stand in each of its routes: they are checked once. */
function byModule({ processor, routes }: Config): ReadonlyMap<string, readonly PipeConfig[]> {
  const found = new Map<string, Map<string, PipeConfig>>()
  for (const { pipes } of [processor, ...processor.hosts, ...routes]) {
    for (const pipe of pipes) {
      if (pipe.module === undefined) continue
      const places = found.get(pipe.module) ?? new Map<string, PipeConfig>()
      found.set(pipe.module, places.set(`${pipe.at.line}:${pipe.at.col}`, pipe))
    }
  }
  return new Map([...found].map(([module, places]) => [module, [...places.values()]]))
}

function problemsOf(pipe: PipeConfig, i: number, result: CheckResult, file: string): Problem[] {
  const { line, col } = pipe.at
  const at = { file, line, col }
  if (!result.ok) {
    const message = `the module ${pipe.use} cannot be used: ${result.message.slice(0, LONGEST_MESSAGE)}`
    return [{ ...at, path: pipe.name, message }]
  }
  return (result.faults[i] ?? []).map((fault) => {
    return { ...at, path: pathText([pipe.name, ...fault.path]), message: fault.message.slice(0, LONGEST_MESSAGE) }
  })
}

/** Never rejects, and ends in time, whatever the module does. */
function run(order: CheckOrder, mostMs: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    const thread = spawnThread(new URL('./pipe-check-thread.js', import.meta.url), {
      workerData: order,
      name: 'serverpy-pipe-check',
      // What a module says while it is loaded is said again by the workers that use it.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    })
    const end = (result: CheckResult): void => {
      clearTimeout(timer)
      resolve(result)
      void thread.terminate()
    }
    const fail = (message: string): void => end({ ok: false, message })
    const timer = setTimeout(() => fail(`it was not loaded after ${mostMs / 1000} s`), mostMs)
    thread.once('message', (result: CheckResult) => end(result))
    thread.once('error', (error) => fail(error.message))
    thread.once('exit', (code) => fail(code === UNSETTLED ? 'an await at its top never comes to an end' : ENDS))
  })
}
