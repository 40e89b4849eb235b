// `serverpy import FILE`: writes another gateway's config as one of serverpy, and lists what has no counterpart.
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { readDocument } from '../../shared/config/document.js'
import { convert, importerFor, TITLES } from '../../shared/config/import/index.js'
import { noteLines, writeNative } from '../../shared/config/import/write.js'
import { loadConfig, readConfigFile } from '../../shared/config/load.js'
import { formatOf } from '../../shared/config/parse.js'
import { formatProblems, inFileOrder } from '../../shared/config/problem.js'
import { CommandFailure, orFail } from './discovery-client.js'
import { thisTerminal, type Terminal } from './terminal.js'

interface Options {
  readonly output?: string
  readonly force?: boolean
}

/** The config goes to stdout or a file, notes to stderr; exit code 2 where the file has faults, and nothing is written. */
export function importCommand(terminal: Terminal = thisTerminal): Command {
  return new Command('import')
    .description(`write a config of ${TITLES.join(', ')} as one of serverpy`)
    .argument('<file>', 'the other config (.json, .yaml, .yml, .hcl)')
    .option('-o, --output <file>', 'write to this file (.yaml, .yml); without it, to the terminal')
    .option('--force', 'write over a file that is there')
    .action((file: string, options: Options) => orFail(terminal, () => run(file, options, terminal)))
}

async function run(file: string, { output, force }: Options, terminal: Terminal): Promise<void> {
  if (output !== undefined) checkOutput(output, file)
  const { text, notes } = await convertFile(file, terminal.env)
  if (output === undefined) terminal.out(text)
  else await write(output, text, force === true)
  for (const line of notes) terminal.err(line)
  const counted = notes.length === 0 ? 'everything has a counterpart' : `${notes.length} without a counterpart`
  terminal.err(`${file}: ${counted}${output === undefined ? '' : `; written to ${output}`}`)
}

function checkOutput(output: string, file: string): void {
  if (formatOf(output) !== 'yaml') throw new CommandFailure([`${output}: not a .yaml or .yml file`], 2)
  if (resolve(output) === resolve(file)) throw new CommandFailure([`${output}: this is the file that is read`], 2)
}

async function convertFile(file: string, env: Terminal['env']): Promise<{ text: string; notes: string[] }> {
  const read = await readConfigFile(file)
  if (!read.ok) throw new CommandFailure(formatProblems(read.problems), 2)
  // Variables stay variables in what is written.
  const source = readDocument(read.text, file, formatOf(file) ?? 'yaml', 'as-written')
  const importer = importerFor(source)
  // Its faults are those of the file as it would be started.
  const parsed = await loadConfig(file, env, { read: 'nothing' })
  if (!parsed.ok) throw new CommandFailure(formatProblems(parsed.problems), 2)
  if (!importer) throw new CommandFailure([`${file}: this is a config of serverpy already`], 2)
  const made = convert(source, importer)
  if (made.ok) return { text: writeNative(made, source, importer), notes: noteLines(made, source) }
  const hint =
    'a variable cannot stand here when the file is converted: write the value, and put the variable back in the result'
  const faults = made.faults.map(({ path, part = 'value', message }) => ({
    file,
    ...source.place(path, part),
    path: '',
    message,
    hint,
  }))
  throw new CommandFailure(formatProblems(inFileOrder(faults)), 2)
}

async function write(output: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(output, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const there = `${output}: there is such a file already (--force writes over it)`
    throw new CommandFailure(
      [code === 'EEXIST' ? there : `${output}: cannot be written: ${code}`],
      code === 'EEXIST' ? 2 : 1,
    )
  }
}
