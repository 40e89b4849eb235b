// Instructions per request of one worker, for changes too small for a noisy clock: `npm run bench:instructions -- --help`.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createScope } from '../cleanup.js'
import { compileTools, requireCommands } from '../install.js'
import type { Tools } from '../install.js'
import { ownLoad } from '../load/own.js'
import { startHttpOrigin } from '../origin.js'
import { POST_1K, RICH, SMALL } from '../requests.js'
import type { RequestShape } from '../requests.js'
import { startCounted } from './callgrind.js'
import type { CountedWorker } from './callgrind.js'
import { report, summary } from './report.js'
import type { Measured, Result } from './report.js'

const KINDS: Record<string, RequestShape> = { small: SMALL, headers: RICH, post: POST_1K }
const CONNECTIONS = 16
/** Before counting, for the compilers; while counting, because valgrind translates what they made anew. */
const WARM_UP = { fast: 30_000, counted: 6000 }
const PATIENCE_SECONDS = 300

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
const { values: flags } = parseArgs({
  options: {
    windows: { type: 'string', default: '21' },
    requests: { type: 'string', default: '1000' },
    save: { type: 'string' },
    compare: { type: 'string' },
    ours: { type: 'string', default: root },
    help: { type: 'boolean', default: false },
  },
})
const scope = createScope()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void scope.end().then(() => process.exit(1)))
}
if (flags.help) {
  console.log(`npm run bench:instructions -- [flags]

  --windows 21      stretches that are counted; the median of them is the result
  --requests 1000   in each stretch
  --save FILE       keep the result
  --compare FILE    show it beside a result kept earlier
  --ours FOLDER     another built checkout
`)
} else {
  try {
    await main()
  } finally {
    await scope.end()
  }
}

async function main(): Promise<void> {
  const earlier = flags.compare === undefined ? undefined : (JSON.parse(readFileSync(flags.compare, 'utf8')) as Result)
  requireCommands(['valgrind', 'nginx', 'gcc', 'taskset'])
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-bench-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true }))
  const tools = compileTools(folder)
  const originPort = await startHttpOrigin(folder, scope)
  const worker = await startCounted({ folder, originPort, ours: flags.ours, cleanup: scope })

  const send = sender(worker, tools, folder)
  for (const shape of Object.values(KINDS)) await send(shape, WARM_UP.fast)
  worker.beginCounting()
  const kinds: Record<string, Measured> = {}
  for (const [name, shape] of Object.entries(KINDS))
    kinds[name] = await windowsOf(
      worker,
      () => send(shape),
      () => send(shape, WARM_UP.counted),
    )
  const result = { node: process.versions.node, requests: Number(flags.requests), kinds }
  console.log(report(result, earlier))
  if (flags.save !== undefined) writeFileSync(flags.save, `${JSON.stringify(result, null, 2)}\n`)
}

function sender(worker: CountedWorker, program: Tools, folder: string) {
  return async (request: RequestShape, requests = Number(flags.requests)): Promise<void> => {
    const load = ownLoad({ program: program.load, connections: CONNECTIONS, request, requests })
    const burst = { port: worker.port, seconds: PATIENCE_SECONDS, folder, cleanup: scope, begin: () => undefined }
    const { errors } = await load(burst)
    if (errors > 0) throw new Error(`${errors} requests failed`)
  }
}

async function windowsOf(
  worker: CountedWorker,
  work: () => Promise<void>,
  warmUp: () => Promise<void>,
): Promise<Measured> {
  await warmUp()
  const seen = []
  for (let i = 0; i < Number(flags.windows); i++) seen.push(await worker.count(work))
  return summary(seen, Number(flags.requests))
}
