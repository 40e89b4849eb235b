// `serverpy pipe test MODULE`: what a pipe does to recorded requests.
import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { blame } from '../../processor/pipes/blame.js'
import { textOf } from '../../processor/pipes/step.js'
import { tryPipe, type Passage, type Trial } from '../pipe-trial.js'
import { CommandFailure, orFail } from './discovery-client.js'
import { isObject, readJson, readSamples } from './pipe-samples.js'
import { printable, type Terminal } from './terminal.js'

interface Options {
  readonly requests?: string
  readonly options?: string
}

/** Of a value that is shown. */
const LONGEST = 200

/** Exit code 1 where the pipe threw, 2 where it, its options or the requests cannot be used. */
export function pipeTestCommand(terminal: Terminal): Command {
  return new Command('test')
    .description('show what a pipe does to requests')
    .argument('<module>', 'a path, a package, or the name of a built-in pipe')
    .option(
      '--requests <file>',
      'JSON: a list of { method, target, headers, body, answer: { status, headers, body } }; or a file of the pipe record',
    )
    .option('--options <json>', 'the options of the pipe, as JSON')
    .action((module: string, { requests, options }: Options) =>
      orFail(terminal, async () => {
        const samples = requests === undefined ? undefined : readSamples(requests)
        const given = options === undefined ? {} : readObject(options, '--options')
        const late: string[] = []
        const hear = (error: Error): void => {
          if (blame(error) === undefined) throw error
          late.push(textOf(error))
        }
        process.on('uncaughtException', hear)
        let trials: Trial[]
        try {
          trials = await tryPipe(useOf(module), { options: given, ...(samples && { requests: samples }) })
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error)
          throw new CommandFailure(withoutOurs(message).split('\n'), 2)
        } finally {
          process.off('uncaughtException', hear)
        }
        terminal.out([...trials.flatMap(linesOf), ...late.map((error) => shown(`late  threw ${error}`))].join(''))
        if (late.length > 0 || trials.some(({ errors }) => errors.length > 0)) terminal.exitWith(1)
      }).then(terminal.leave),
    )
}

/** In a shell a path needs no \`./\`. */
function useOf(module: string): string {
  return /^[\w-]+(\/|.*\.[mc]?[jt]s$)/.test(module) && existsSync(module) ? `./${module}` : module
}

function readObject(text: string, what: string): Record<string, unknown> {
  const value = readJson(text, what)
  if (isObject(value)) return value
  throw new CommandFailure([`${what}: must be an object`], 2)
}

/** They differ from request to request in any case, or with the body, which is told. */
const OWN = new Set(['x-request-id', 'traceparent', 'date', 'content-length', 'transfer-encoding'])

function linesOf({ without, errors, ...seen }: Trial, i: number): string[] {
  const asked = without.request
  const title = `${i + 1}  ${asked === undefined ? 'a request' : `${asked.method} ${asked.target}`} → ${seen.answer.status}`
  const changes = [
    ...(seen.request === undefined && asked !== undefined ? ['answered by itself: no service was asked'] : []),
    ...(seen.request && asked ? differences('request', asked, seen.request) : []),
    ...differences('answer', without.answer, seen.answer),
    ...errors.map((error) => `threw    ${error}`),
  ]
  return [title, ...(changes.length === 0 ? ['changed nothing'] : changes).map((line) => `   ${line}`)].map(shown)
}

function shown(text: string): string {
  return `${withoutOurs(text).split('\n').map(printable).join('\n     ')}\n`
}

/** Who wrote the pipe cares for its own lines of the stack. */
function withoutOurs(error: string): string {
  return error
    .split('\n')
    .filter((line) => !/^\s+at .*\/processor\//.test(line))
    .join('\n')
}

type Seen = NonNullable<Passage['request']> | Passage['answer']

function differences(of: 'request' | 'answer', before: Seen, after: Seen): string[] {
  const plain = ({ headers: _, ...rest }: Seen) =>
    Object.entries(rest).map(([name, value]) => [name, String(value)] as const)
  const fields = ({ headers }: Seen) => Object.entries(headers).filter(([name]) => !OWN.has(name))
  const column = of.padEnd(9)
  return [...compared(plain(before), plain(after)), ...compared(fields(before), fields(after))].map(
    (line) => `${column}${line}`,
  )
}

function compared(before: Iterable<readonly [string, string]>, after: Iterable<readonly [string, string]>): string[] {
  const [old, now] = [new Map(before), new Map(after)]
  const shown = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)
  const changed = [...now].flatMap(([name, value]) => {
    if (old.get(name) === value) return []
    return [`${old.has(name) ? '~' : '+'} ${name}: ${shown(value)}`]
  })
  return [...changed, ...[...old.keys()].filter((name) => !now.has(name)).map((name) => `- ${name}`)]
}
