// `serverpy plan`: what the config file would change in a running server, or how two files differ; nothing is changed.
import { Command } from 'commander'
import { loadConfig } from '../../shared/config/load.js'
import type { Config } from '../../shared/config/model.js'
import { createPlan, type Plan } from '../../shared/config/plan.js'
import { planLines } from '../../shared/config/plan-text.js'
import { formatProblems } from '../../shared/config/problem.js'
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

interface Options extends ServerOptions {
  readonly against?: string
  readonly json?: boolean
}

/** Exit code 0 with and without changes, 2 where a file has faults. */
export function planCommand(terminal: Terminal = thisTerminal): Command {
  return withServerOptions(
    withToken(new Command('plan'))
      .description('show what the config file would change in a running server')
      .option('--against <file>', 'compare -c FILE with this older file, and ask no server')
      .option('--json', 'print JSON'),
  ).action((options: Options) =>
    orFail(terminal, async () => {
      const plan = options.against === undefined ? await askServer(options, terminal) : await compare(options, terminal)
      const lines = planLines(plan).map((line) => `${printable(line)}\n`)
      terminal.out(options.json ? `${JSON.stringify(plan)}\n` : lines.join(''))
    }),
  )
}

/** The server reads its own file, and compares it with what is in force. */
async function askServer(options: Options, terminal: Terminal): Promise<Plan> {
  const client = await createClient(options, terminal)
  const { status, body } = await client.post('/api/v1/plan')
  if (status === 422) throw new CommandFailure(faultsOf(body), 2)
  if (status !== 200) throw refusedBy(client, status, body)
  return readPlan(body)
}

async function compare({ config, against }: Options, { env }: Terminal): Promise<Plan> {
  if (config === undefined || against === undefined) throw new CommandFailure(['--against needs -c FILE beside it'], 2)
  return createPlan(await load(against, env), await load(config, env))
}

/** Certificates are not read: who compares two files may not be the one who may see keys. */
async function load(file: string, env: Terminal['env']): Promise<Config> {
  const parsed = await loadConfig(file, env, { read: 'nothing' })
  if (!parsed.ok) throw new CommandFailure(formatProblems(parsed.problems), 2)
  return parsed.config
}
