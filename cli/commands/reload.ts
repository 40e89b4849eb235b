// `serverpy reload`: has a running server take its config file, and replace its workers if asked to.
import { Command } from 'commander'
import { planLines } from '../../shared/config/plan-text.js'
import {
  CommandFailure,
  createClient,
  orFail,
  refusedBy,
  withServerOptions,
  withToken,
  type ServerOptions,
} from './discovery-client.js'
import { faultsOf, readPlan } from './planned.js'
import { printable, thisTerminal, type Terminal } from './terminal.js'

/** Old workers finish what they began, for as long as the config's `timeouts.drain` lets them. */
const WORKERS_SECONDS = 60

interface Replaced {
  readonly replaced_workers?: { readonly replaced: number; readonly draining: number }
}

/** Exit code 0 when the file is in force, 2 when it has faults. */
export function reloadCommand(terminal: Terminal = thisTerminal): Command {
  return withServerOptions(
    withToken(new Command('reload'))
      .description('have a running server take its config file')
      .option('--workers', 'replace its workers one by one afterwards'),
  ).action((options: ServerOptions & { readonly workers?: boolean }) =>
    orFail(terminal, async () => {
      const client = await createClient(options, terminal)
      const { status, body } = await (options.workers
        ? client.post('/api/v1/reload', { workers: 'true' }, Math.max(options.timeout, WORKERS_SECONDS))
        : client.post('/api/v1/reload'))
      if (status === 422) {
        throw new CommandFailure([...faultsOf(body), 'the config in force stays'], 2)
      }
      if (status !== 200) throw refusedBy(client, status, body)
      const lines = planLines(readPlan(body))
      const { replaced_workers: workers } = body as Replaced
      if (workers !== undefined) lines.push(replacedLine(workers))
      terminal.out(lines.map((line) => `${printable(line)}\n`).join(''))
    }),
  )
}

function replacedLine({ replaced, draining }: { readonly replaced: number; readonly draining: number }): string {
  const left = draining === 0 ? '' : `; ${draining} of the old ones still finish what they began`
  return `${replaced} workers replaced${left}`
}
