// Commands run inside the test's process, with a terminal that keeps what they say.
import { Command, CommanderError } from 'commander'
import { explainCommand } from '../../cli/commands/explain.js'
import { healthcheckCommand } from '../../cli/commands/healthcheck.js'
import { downCommand, drainCommand, undrainCommand, upCommand } from '../../cli/commands/overrides.js'
import { statusCommand } from '../../cli/commands/status.js'
import type { Terminal } from '../../cli/commands/terminal.js'

const COMMANDS = [
  statusCommand,
  explainCommand,
  healthcheckCommand,
  drainCommand,
  undrainCommand,
  downCommand,
  upCommand,
]

export interface Run {
  out: string
  err: string
  code: number
  /** A usage error of the parser. */
  usage?: string
}

/** Runs one of the commands that ask a server, as if it had been typed. */
export async function run(args: readonly string[], terminal: Partial<Terminal> = {}): Promise<Run> {
  const result: Run = { out: '', err: '', code: 0 }
  const own: Terminal = {
    env: {},
    out: (text) => void (result.out += text),
    err: (line) => void (result.err += `${line}\n`),
    exitWith: (code) => void (result.code = code),
    colours: false,
    ...terminal,
  }
  const program = new Command('serverpy')
  for (const create of COMMANDS) {
    const command = create(own)
    program.addCommand(command.exitOverride().configureOutput({ writeErr: () => undefined }))
  }
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    result.usage = error.message
  }
  return result
}
