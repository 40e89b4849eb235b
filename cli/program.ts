// What the command line can do, and its exit codes 0 (well), 1 (failed) and 2 (wrong usage or config).
import { Command, CommanderError } from 'commander'
import { VERSION } from '../shared/version.js'
import { checkCommand } from './commands/check.js'
import { explainCommand } from './commands/explain.js'
import { importCommand } from './commands/import.js'
import { healthcheckCommand } from './commands/healthcheck.js'
import { downCommand, drainCommand, undrainCommand, upCommand } from './commands/overrides.js'
import { pipeCommand } from './commands/pipe.js'
import { planCommand } from './commands/plan.js'
import { purgeCommand } from './commands/purge.js'
import { reloadCommand } from './commands/reload.js'
import { schemaCommand } from './commands/schema.js'
import { discoveryCommand, processorCommand, runCommand } from './commands/serve.js'
import { statusCommand } from './commands/status.js'
import { endWithReader } from './commands/terminal.js'
import type { Signals } from './signals.js'
import { tellWrongUsage } from './usage.js'

const SERVERS: ReadonlySet<string> = new Set(['run', 'discovery', 'processor'])

export async function runProgram(signals: Signals): Promise<void> {
  const program = new Command('serverpy')
    .description('Registry, health checks and gateway for a microservice cluster, in one command')
    .version(VERSION, '-V, --version', 'print the version')
    .addCommand(runCommand(signals), { isDefault: true })
    .addCommand(discoveryCommand(signals))
    .addCommand(processorCommand(signals))
    .addCommand(checkCommand())
    .addCommand(importCommand())
    .addCommand(pipeCommand())
    .addCommand(schemaCommand())
    .addCommand(statusCommand())
    .addCommand(explainCommand())
    .addCommand(drainCommand())
    .addCommand(undrainCommand())
    .addCommand(downCommand())
    .addCommand(upCommand())
    .addCommand(planCommand())
    .addCommand(reloadCommand())
    .addCommand(purgeCommand())
    .addCommand(healthcheckCommand())
    .addCommand(
      new Command('version').description('print the version').action(() => void process.stdout.write(`${VERSION}\n`)),
    )

  tellWrongUsage(program)
  const served = endWithReader()
  program.hook('preAction', (_, running) => {
    // A server outlives whoever reads its log; all others end as a signal or their reader has it.
    if (SERVERS.has(running.name())) served()
    else signals.release()
  })

  try {
    await program.parseAsync()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Commander has said what is wrong; it uses 1 where the usage is.
    process.exitCode = error.exitCode === 0 ? 0 : 2
  }
}
