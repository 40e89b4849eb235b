// `serverpy pipe new NAME`: writes the skeleton of a pipe, with a test that passes.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { CommandFailure, orFail } from './discovery-client.js'
import { pipeSkeleton, testSkeleton } from './pipe-skeleton.js'
import type { Terminal } from './terminal.js'

/** Exit code 1 where a file is there already: nothing is ever written over. */
export function pipeNewCommand(terminal: Terminal): Command {
  return new Command('new')
    .description('write the skeleton of a pipe and of its test')
    .argument('<name>', 'e.g. tenant', readName)
    .option('--dir <folder>', 'where to put them', 'pipes')
    .action((name: string, { dir }: { readonly dir: string }) =>
      orFail(terminal, async () => {
        const end = await extensionIn(dir)
        const files = [
          { path: join(dir, `${name}${end}`), text: pipeSkeleton(name) },
          { path: join(dir, `${name}.test${end}`), text: testSkeleton(`${name}${end}`) },
        ]
        for (const { path } of files) {
          if (await isThere(path)) throw new CommandFailure([`${path} is there already; nothing was written`], 1)
        }
        try {
          await mkdir(dir, { recursive: true })
          for (const { path, text } of files) await writeFile(path, text, { flag: 'wx' })
        } catch (error) {
          throw new CommandFailure([error instanceof Error ? error.message : String(error)], 1)
        }
        const use = `./${relative('.', files[0]?.path ?? '')
          .split(sep)
          .join('/')}`
        terminal.out(
          [
            ...files.map(({ path }) => `wrote ${path}`),
            '',
            'In the config, where it shall stand (processor, a host, a service or a route):',
            `  pipes: [{ use: ${use}, header: x-${name} }]`,
            'What it does to a few requests:',
            `  serverpy pipe test ${use} --options '{ "header": "x-${name}" }'`,
            'Its test, which needs serverpy beside it (npm install --save-dev serverpy):',
            `  node --test ${files[1]?.path}`,
            '',
          ].join('\n'),
        )
      }),
    )
}

function readName(name: string): string {
  if (/^[a-z][a-z0-9-]{0,63}$/.test(name)) return name
  throw new InvalidArgumentError('It must be lower-case letters, digits and "-", with a letter first.')
}

/** What every version of Node.js takes for an ES module there. */
async function extensionIn(dir: string): Promise<'.js' | '.mjs'> {
  for (let folder = resolve(dir); ; folder = dirname(folder)) {
    const about = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined)
    if (about !== undefined) return /"type"\s*:\s*"module"/.test(about) ? '.js' : '.mjs'
    if (dirname(folder) === folder) return '.mjs'
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
