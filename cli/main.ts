#!/usr/bin/env node
// The serverpy command: what it can do, and the exit codes 0 (well), 1 (failed) and 2 (wrong usage or config).
import { Command, CommanderError } from 'commander'
import { VERSION } from '../shared/version.js'
import { checkCommand } from './commands/check.js'
import { explainCommand } from './commands/explain.js'
import { healthcheckCommand } from './commands/healthcheck.js'
import { downCommand, drainCommand, undrainCommand, upCommand } from './commands/overrides.js'
import { planCommand } from './commands/plan.js'
import { reloadCommand } from './commands/reload.js'
import { schemaCommand } from './commands/schema.js'
import { discoveryCommand, processorCommand, runCommand } from './commands/serve.js'
import { statusCommand } from './commands/status.js'
import { tellWrongUsage } from './usage.js'

const program = new Command('serverpy')
  .description('Registry, health checks and gateway for a microservice cluster, in one command')
  .version(VERSION, '-V, --version', 'print the version')
  .addCommand(runCommand(), { isDefault: true })
  .addCommand(discoveryCommand())
  .addCommand(processorCommand())
  .addCommand(checkCommand())
  .addCommand(schemaCommand())
  .addCommand(statusCommand())
  .addCommand(explainCommand())
  .addCommand(drainCommand())
  .addCommand(undrainCommand())
  .addCommand(downCommand())
  .addCommand(upCommand())
  .addCommand(planCommand())
  .addCommand(reloadCommand())
  .addCommand(healthcheckCommand())
  .addCommand(
    new Command('version').description('print the version').action(() => void process.stdout.write(`${VERSION}\n`)),
  )

tellWrongUsage(program)

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Commander has said what is wrong; it uses 1 where the usage is.
  process.exitCode = error.exitCode === 0 ? 0 : 2
}
