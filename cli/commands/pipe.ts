// `serverpy pipe`: help for those who write pipes.
import { Command } from 'commander'
import { pipeNewCommand } from './pipe-new.js'
import { pipeTestCommand } from './pipe-test.js'
import { thisTerminal, type Terminal } from './terminal.js'

export function pipeCommand(terminal: Terminal = thisTerminal): Command {
  return new Command('pipe')
    .description('write a pipe, and try one against requests')
    .addCommand(pipeNewCommand(terminal))
    .addCommand(pipeTestCommand(terminal))
}
