// Wrong usage is told by the word that is wrong, before anything that is missing.
import type { Command } from 'commander'
import { closest } from '../shared/config/suggest.js'

/**
 * Adds `-c FILE` and demands it only once the rest of the line has been understood: commander looks for missing options
 * first, and a mistyped command would be answered with the default command's missing `-c`.
 */
export function withConfigFile(command: Command): Command {
  const flags = '-c, --config <file>'
  return command.option(flags, 'the config file (.json, .yaml, .yml, .hcl)').hook('preAction', (_, running) => {
    if (running.getOptionValue('config') === undefined) running.error(`error: required option '${flags}' not specified`)
  })
}

function withNested(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withNested)]
}

/** Makes `program` and its commands name the words that have no place, and say where help is. */
export function tellWrongUsage(program: Command): void {
  for (const command of withNested(program)) {
    command.exitOverride().allowExcessArguments().showHelpAfterError('(serverpy --help tells what there is)')
  }
  program.hook('preAction', (_, running) => {
    const stray = running.args[running.registeredArguments.length]
    if (stray === undefined) return
    // Where the first word is no command, commander hands it to the default command as an argument.
    if (program.args[0] !== stray || running.name() === stray) running.error(`error: unexpected argument '${stray}'`)
    const meant = closest(
      stray,
      program.commands.map((command) => command.name()),
    )
    running.error(`error: unknown command '${stray}'${meant === undefined ? '' : `\n(Did you mean ${meant}?)`}`)
  })
}
