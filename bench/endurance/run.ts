// What the gateway stands for long: slow, stopped and broken peers, large bodies, many connections, millions of requests.
// `node --import tsx bench/endurance/run.ts --help`
import { existsSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { MAIN } from '../../test/kit/serverpy.js'
import { requireSections, writeSection } from '../page.js'
import { createScope, scoped } from '../proxy/cleanup.js'
import { description, runInside } from './network.js'
import { type Outcome, section, table } from './report.js'
import { type Extent, RUNS } from './runs/index.js'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(RUNS).join(',') },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (flags.help) {
  console.log(`node --import tsx bench/endurance/run.ts [flags]

  --only LIST   of ${Object.keys(RUNS).join(', ')}; nothing is written then
  --quick       small sizes, and nothing is written
  --full        slow transfers to their end: 36 minutes more
  --no-write    leave docs/performance.md as it is

Measures the built product (npm run build). Exits with 1 when a bound is broken.`)
} else {
  const names = flags.only.split(',')
  const unknown = names.find((name) => !(name in RUNS))
  if (unknown !== undefined) throw new Error(`unknown run "${unknown}": choose from ${Object.keys(RUNS).join(', ')}`)
  if (!existsSync(MAIN)) throw new Error('dist/cli/main.js is missing: run `npm run build` first')
  process.exitCode = (await runInside()) ?? (await runAll(names))
}

async function runAll(names: readonly string[]): Promise<number> {
  const whole = createScope()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void whole.end().then(() => process.exit(1)))
  }
  const [load = 0] = loadavg()
  if (load > cpus().length / 2)
    console.error(`this machine is busy (load ${load.toFixed(1)}): its own delays will show`)
  const extent: Extent = flags.quick ? 'quick' : flags.full ? 'whole' : 'usual'
  // A part of the tables, or tables of small sizes, must not take the place of the whole.
  const complete = Object.keys(RUNS).every((name) => names.includes(name)) && !flags.quick
  const write = complete && !flags['no-write']
  if (write) requireSections(['endurance'])
  const outcomes: Outcome[] = []
  for (const name of names) {
    const { title, run } = RUNS[name] as (typeof RUNS)[string]
    let outcome: Outcome
    try {
      outcome = { title, checks: await scoped(whole, (scope) => run(scope, extent)) }
    } catch (error) {
      if (whole.ending) return 1
      // A run that cannot be done is a bound that was not kept; the others still have their say.
      const what = (error as Error).message.split('\n')[0] ?? ''
      console.error(error)
      outcome = { title, checks: [{ what, seen: 'failed', bound: 'runs', held: false, timed: false }] }
    }
    outcomes.push(outcome)
    console.log(`\n${name}: ${outcome.title}\n\n${table(outcome.checks)}`)
  }
  if (write) await writeSection('endurance', section(outcomes, description))
  const broken = outcomes.flatMap(({ title, checks }) =>
    checks.filter(({ held }) => !held).map(({ what }) => `${title}: ${what}`),
  )
  for (const line of broken) console.error(`broken: ${line}`)
  return broken.length === 0 ? 0 : 1
}
