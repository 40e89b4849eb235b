// `serverpy purge [URL]`: has a running server throw stored answers of its pipe `cache` away.
import { Command } from 'commander'
import {
  CommandFailure,
  createClient,
  orFail,
  refusedBy,
  withServerOptions,
  withToken,
  type ServerOptions,
} from './discovery-client.js'
import { thisTerminal, type Terminal } from './terminal.js'

interface PurgeOptions extends ServerOptions {
  readonly prefix?: boolean
  readonly all?: boolean
  readonly json?: boolean
}

/** The answer of the API. */
interface Purged {
  readonly answers: number
  readonly workers: number
  readonly silent: number
  /** Processors that run apart and were told. */
  readonly elsewhere: number
}

/** Exit code 1 when a worker has not said that it is done. */
export function purgeCommand(terminal: Terminal = thisTerminal): Command {
  return withServerOptions(
    withToken(new Command('purge'))
      .description('throw stored answers of the pipe cache away')
      .argument('[url]', 'a URL as clients ask for it, such as https://example.org/prices?page=2')
      .option('--prefix', 'all URLs that begin with it')
      .option('--all', 'all answers')
      .option('--json', 'print JSON'),
  ).action((target: string | undefined, options: PurgeOptions) =>
    orFail(terminal, async () => {
      const query = queryOf(target, options)
      const client = await createClient(options, terminal)
      const { status, body } = await client.post('/api/v1/purge', query)
      if (status !== 200) throw refusedBy(client, status, body)
      const purged = body as Purged
      terminal.out(`${options.json ? JSON.stringify(purged) : sentence(purged)}\n`)
      if (purged.silent > 0) throw new CommandFailure(['not every worker has said that it is done: try again'], 1)
    }),
  )
}

function queryOf(target: string | undefined, { prefix, all }: PurgeOptions): Record<string, string> {
  if (all === true) {
    if (target !== undefined || prefix === true) throw new CommandFailure(['--all takes no URL and no --prefix'], 2)
    return { all: 'true' }
  }
  if (target === undefined) throw new CommandFailure(['say what is to be purged: a URL, or --all'], 2)
  return prefix === true ? { prefix: target } : { url: target }
}

function sentence({ answers, workers, elsewhere }: Purged): string {
  const here = `${some(answers, 'stored answer')} thrown away in ${some(workers, 'worker')}`
  if (elsewhere === 0) return here
  const there = `${some(elsewhere, 'processor')} that ${elsewhere === 1 ? 'runs' : 'run'} apart ${elsewhere === 1 ? 'was' : 'were'} told`
  return workers === 0 ? there : `${here}; ${there}`
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
