// Real child processes for tests: started, awaited until ready, stopped by their own pid, output kept.
import { spawn } from 'node:child_process'
import { within } from './wait.js'

/** What a test hands over so that nothing outlives it: a TestContext of node:test, or anything alike. */
export interface Cleanup {
  after(run: () => unknown): void
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface ProcessOptions {
  /** Stops the process when the test ends. */
  t?: Cleanup
  /** Added to the environment of the test process. */
  env?: Record<string, string>
  cwd?: string
  /** Ready when the whole output so far matches, or when the function says so. Without it: ready once spawned. */
  ready?: RegExp | ((output: string) => boolean)
  readyTimeoutMs?: number
}

export interface RunningProcess {
  readonly pid: number
  /** Everything printed so far, stdout and stderr as they came. */
  output(): string
  stdout(): string
  stderr(): string
  readonly exited: Promise<Exit>
  /** Signals this process by its pid; false when it has gone. */
  kill(signal: NodeJS.Signals): boolean
  /** SIGTERM, and SIGKILL when it has not ended in `graceMs`. Resolves with how it ended. */
  stop(graceMs?: number): Promise<Exit>
}

/**
 * Starts a command without a shell and resolves when it is ready. Rejects, with the output so far, when it ends before
 * that or is not ready in time (`readyTimeoutMs`, 20 s unless told).
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<RunningProcess> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let all = ''
  let out = ''
  let err = ''
  let onOutput = () => {}
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    all += text
    onOutput()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    all += text
    onOutput()
  })
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  // 'close' and not 'exit': by then all of its output has arrived.
  const exited = new Promise<Exit>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  const running: RunningProcess = {
    get pid() {
      return child.pid as number
    },
    output: () => all,
    stdout: () => out,
    stderr: () => err,
    exited,
    kill: (signal) => child.kill(signal),
    async stop(graceMs = 5000) {
      child.kill('SIGTERM')
      const hard = setTimeout(() => child.kill('SIGKILL'), graceMs)
      const exit = await exited
      clearTimeout(hard)
      return exit
    },
  }
  await spawned
  options.t?.after(() => running.stop())

  const { ready } = options
  if (ready === undefined) return running
  const isReady = () => (typeof ready === 'function' ? ready(all) : ready.test(all))
  const readiness = new Promise<void>((resolve, reject) => {
    onOutput = () => {
      if (isReady()) resolve()
    }
    void exited.then(({ code, signal }) => reject(new Error(`ended (${signal ?? code}) before it was ready`)))
  })
  try {
    await within(readiness, options.readyTimeoutMs ?? 20_000, 'getting ready')
  } catch (error) {
    await running.stop(500)
    throw new Error(`${command} ${args.join(' ')}: ${(error as Error).message}\n${all}`, { cause: error })
  }
  onOutput = () => {}
  return running
}

/** Runs a command to its end and gives its exit and output: for commands that are expected to end by themselves. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: Omit<ProcessOptions, 'ready' | 'readyTimeoutMs'> & { timeoutMs?: number } = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const { timeoutMs = 20_000, ...rest } = options
  const running = await startProcess(command, args, rest)
  try {
    const exit = await within(running.exited, timeoutMs, `${command} ${args.join(' ')}`)
    return { ...exit, stdout: running.stdout(), stderr: running.stderr() }
  } finally {
    await running.stop(500)
  }
}
