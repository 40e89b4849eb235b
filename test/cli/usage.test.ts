// Wrong usage: the word that is wrong is named, whatever else is missing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command, CommanderError } from 'commander'
import { checkCommand } from '../../cli/commands/check.js'
import { discoveryCommand, processorCommand, runCommand } from '../../cli/commands/serve.js'
import { tellWrongUsage } from '../../cli/usage.js'

const signals = { serve: () => undefined, release: () => undefined }
const HINT = '(serverpy --help tells what there is)\n'

/** What is written to stderr. */
async function complaint(...args: string[]): Promise<string> {
  let err = ''
  const commands = [runCommand(signals), discoveryCommand(signals), processorCommand(signals), checkCommand()]
  const program = new Command('serverpy')
  commands.forEach((command, i) => {
    command.configureOutput({ writeErr: (text) => void (err += text) })
    program.addCommand(command, { isDefault: i === 0 })
  })
  tellWrongUsage(program)
  await assert.rejects(program.parseAsync(args, { from: 'user' }), CommanderError)
  return err
}

test('a word that is no command is named, with what it may have been', async () => {
  assert.equal(await complaint('frobnicate'), `error: unknown command 'frobnicate'\n${HINT}`)
  assert.equal(await complaint('chekc', '-c', 'f'), `error: unknown command 'chekc'\n(Did you mean check?)\n${HINT}`)
})

test('a word too many is named', async () => {
  for (const args of [
    ['run', 'this'],
    ['run', 'this', '-c', 'f'],
    ['check', 'this'],
    ['-c', 'f', 'this'],
  ]) {
    assert.equal(await complaint(...args), `error: unexpected argument 'this'\n${HINT}`)
  }
  assert.equal(await complaint('run', 'run'), `error: unexpected argument 'run'\n${HINT}`)
})

test('an unknown option is named, with what it may have been', async () => {
  for (const command of ['run', 'discovery', 'processor', 'check']) {
    assert.equal(await complaint(command, '--bogus'), `error: unknown option '--bogus'\n${HINT}`)
  }
  assert.equal(await complaint('--bogus'), `error: unknown option '--bogus'\n${HINT}`)
  assert.equal(await complaint('run', '--confg'), `error: unknown option '--confg'\n(Did you mean --config?)\n${HINT}`)
})

test('a config that is not named is asked for', async () => {
  for (const args of [[], ['run'], ['discovery', '-l', 'warn'], ['processor'], ['check']]) {
    assert.equal(await complaint(...args), `error: required option '-c, --config <file>' not specified\n${HINT}`)
  }
})
