// Breaks instances in every way while clients go on, before ours and two other proxies, and writes docs/resilience.md:
// `npm run bench:chaos -- --help`.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machine, requireSections, writeSection } from '../page.js'
import type { Part } from '../endurance/parts/calls.js'
import { startPart } from '../endurance/parts/calls.js'
import { createScope } from '../proxy/cleanup.js'
import { requireCommands } from '../proxy/install.js'
import { mainOf } from '../proxy/peers/serverpy.js'
import { createCluster } from './cluster.js'
import { type Flags, HELP, parseFlags } from './flags.js'
import type { ClientCalls } from './parts/client.js'
import { PEERS } from './peers/index.js'
import { type Bench, warmUp } from './trials/trial.js'

const here = dirname(fileURLToPath(import.meta.url))
const PAGE = 'resilience.md'
/** Of one of the three instances; 50 times as much is still within every deadline. */
const SERVICE_MS = 10

const scope = createScope()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void scope.end().then(() => process.exit(1)))
}
const flags = parseFlags(process.argv.slice(2), join(here, '..', '..'))
if (flags === undefined) console.log(HELP)
else await main(flags)

async function main(flags: Flags): Promise<void> {
  const section = (name: string) => `chaos.${name}`
  try {
    const names = Object.keys(flags.parts)
    if (flags.write) requireSections(names.map(section), PAGE)
    mainOf(flags.ours)
    requireCommands(flags.peers.flatMap((name) => PEERS[name]?.needs ?? []))
    const bench = prepare(flags)
    const cluster = await createCluster(scope, { size: 3, serviceMs: SERVICE_MS })
    await warmUp(bench, cluster)
    for (const [name, part] of Object.entries(flags.parts)) {
      const { text, broken } = await part.run(bench, cluster, flags)
      console.log(`\n${part.title}\n\n${text}`)
      for (const line of broken) console.error(`broken: ${line}`)
      if (broken.length > 0) process.exitCode = 1
      if (flags.write) await writeSection(section(name), `${text}\n\n${machine()}`, PAGE)
    }
    if (!flags.write) bench.say('nothing was written')
  } catch (error) {
    // A load that was cut short because we are being stopped is no failure.
    if (!scope.ending) throw error
  } finally {
    await scope.end()
  }
}

function prepare({ ours, times }: Flags): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-chaos-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true }))
  const client: Part<ClientCalls> = startPart(scope, join(here, 'parts', 'client.ts'))
  return { cleanup: scope, folder, ours, times, client: () => client, say: (line) => console.error(line) }
}
