// A worker of ours under valgrind's callgrind, which counts the instructions that it executes in user space.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../../test/kit/ports.js'
import { startProcess } from '../../../test/kit/process.js'
import type { Cleanup } from '../../../test/kit/process.js'
import { mainOf, serverpyConfig } from '../peers/serverpy.js'
import { usageOfTree } from '../process-tree.js'

/** Of one stretch of work. */
export interface Counted {
  readonly instructions: number
  readonly ms: number
}

export interface CountedWorker {
  readonly port: number
  /** Counting slows everything down fiftyfold, so it is off until this. */
  beginCounting(): void
  count(work: () => Promise<unknown>): Promise<Counted>
}

const VALGRIND = [
  '--tool=callgrind',
  // V8 writes code and replaces it.
  '--smc-check=all-non-file',
  // Of both processes, and it is the worker that counts.
  '--trace-children=yes',
  '--instr-atstart=no',
]
/** What would make one run differ from the next: compilers and collectors on threads of their own, seeds of hash tables. */
const NODE = ['--single-threaded', '--hash-seed=1', '--random-seed=1']

export interface CountedOptions {
  readonly folder: string
  readonly originPort: number
  readonly ours: string
  readonly cleanup: Cleanup
}

export async function startCounted({ folder, originPort, ours, cleanup }: CountedOptions): Promise<CountedWorker> {
  const home = join(folder, 'counted')
  mkdirSync(home)
  const port = await freePort()
  const setup = { folder: home, originPort, port, workers: 1, tls: undefined, websocket: false }
  // Slow as it is, it must not be taken for hung, and polls are no part of a request.
  const config = serverpyConfig(setup, await freePort(), {
    processor: { hang: 600 },
    service: { polling: { method: 'health', endpoint: '/health', frequency: 3600 } },
  })
  const file = join(home, 'services.json')
  writeFileSync(file, JSON.stringify(config))
  const out = `--callgrind-out-file=${join(home, 'out.%p')}`
  const node = [process.execPath, ...NODE, mainOf(ours), '-c', file, '-l', 'info']
  const running = await startProcess('valgrind', [...VALGRIND, out, ...node], {
    t: cleanup,
    cwd: home,
    env: { NODE_ENV: 'production' },
    ready: /"msg":"ready"/,
    readyTimeoutMs: 120_000,
  })
  const worker = usageOfTree(running.pid)[1]?.pid
  if (worker === undefined) throw new Error('no worker is there to be counted')
  let dumps = 0

  const control = (...flags: string[]) =>
    execFileSync('callgrind_control', [...flags, String(worker)], { stdio: 'ignore' })
  return {
    port,
    beginCounting: () => void control('--instr=on'),
    async count(work) {
      control('--zero')
      const startedAt = performance.now()
      await work()
      const ms = performance.now() - startedAt
      control('--dump')
      return { instructions: total(join(home, `out.${worker}.${++dumps}`)), ms }
    },
  }
}

function total(file: string): number {
  const found = /^totals: (\d+)/m.exec(readFileSync(file, 'latin1'))?.[1]
  if (found === undefined) throw new Error(`callgrind wrote no total into ${file}`)
  return Number(found)
}
