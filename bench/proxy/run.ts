// Compares ours with other proxies, scenario by scenario, and writes docs/performance.md: `npm run bench:proxy -- --help`.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { requireSections, writeSection } from '../page.js'
import { createScope } from './cleanup.js'
import { HELP, parseFlags } from './flags.js'
import type { Flags } from './flags.js'
import { compileTools, makeCertificate, requireCommands, requirePackages } from './install.js'
import { startEchoOrigin, startHttpOrigin } from './origin.js'
import { PEERS } from './peers/index.js'
import type { PeerName } from './peers/index.js'
import type { PeerKind } from './peers/peer.js'
import type { Bench, Scenario } from './scenarios/scenario.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const scope = createScope()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void scope.end().then(() => process.exit(1)))
}
const flags = parseFlags(process.argv.slice(2), root)
if (flags === undefined) console.log(HELP)
else await main(flags)

async function main(flags: Flags): Promise<void> {
  try {
    const { scenarios, write } = flags
    const section = (name: string) => `proxy.${name}`
    if (write) requireSections(scenarios.map(({ name }) => section(name)))
    const bench = await prepare(flags)
    const startedAt = performance.now()
    for (const scenario of scenarios) {
      const text = await attempt(scenario, bench)
      if (text === undefined) continue
      console.log(`\n${scenario.name}\n\n${text}`)
      if (write) await writeSection(section(scenario.name), text)
    }
    const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
    bench.say(`took ${minutes} minutes${write ? '' : '; nothing was written'}`)
  } catch (error) {
    // A load that was cut short because we are being stopped is no failure.
    if (!scope.ending) throw error
  } finally {
    await scope.end()
  }
}

/** One that fails must not take the others' time with it. */
async function attempt(scenario: Scenario, bench: Bench): Promise<string | undefined> {
  try {
    return await scenario.run(bench)
  } catch (error) {
    if (scope.ending) throw error
    bench.say(`${scenario.name}: FAILED ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    process.exitCode = 1
    return undefined
  }
}

async function prepare(flags: Flags): Promise<Bench> {
  const chosen = (peers: readonly PeerName[]) => peers.filter((name) => flags.peers?.includes(name) ?? true)
  const kinds = flags.scenarios.flatMap(({ peers }) => chosen(peers)).map((name): PeerKind => PEERS[name])
  requireCommands([
    ...new Set([
      'nginx',
      'wrk',
      'gcc',
      'openssl',
      'taskset',
      ...kinds.flatMap(({ needs }) => (needs === 'npm' ? [] : needs)),
    ]),
  ])
  if (kinds.some(({ needs }) => needs === 'npm')) requirePackages()
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-bench-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true }))
  const tools = compileTools(folder)
  return {
    ...flags,
    cleanup: scope,
    folder,
    tools,
    certificate: makeCertificate(folder),
    httpOriginPort: await startHttpOrigin(folder, scope),
    echoOriginPort: await startEchoOrigin(tools, scope),
    chosen,
    say: (line) => console.error(line),
  }
}
