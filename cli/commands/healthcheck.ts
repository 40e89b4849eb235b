// `serverpy healthcheck`: exit code 0 if a running server may take traffic, else 1; for containers and scripts.
import { Command } from 'commander'
import { CommandFailure, createClient, orFail, withServerOptions, type ServerOptions } from './discovery-client.js'
import { printable, thisTerminal, type Terminal } from './terminal.js'

interface Readiness {
  readonly status: string
  readonly checks: readonly { readonly name: string; readonly detail: string }[]
}

export function healthcheckCommand(terminal: Terminal = thisTerminal): Command {
  return withServerOptions(
    new Command('healthcheck').description('exit with 0 if a running server may take traffic, else with 1'),
  ).action((options: ServerOptions) =>
    orFail(terminal, async () => {
      const client = await createClient(options, terminal)
      const { status, body } = await client.ask('/readyz')
      const line = describe(body)
      if (line === undefined) throw new CommandFailure([`it answered ${status} with something else than readiness`], 1)
      if (status !== 200) throw new CommandFailure([line], 1)
      terminal.out(`${line}\n`)
    }),
  )
}

/** `ready`, or `degraded: store: disk full`; undefined for an answer of something else. */
function describe(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('status' in body) || !('checks' in body)) return undefined
  const { status, checks } = body as Readiness
  if (typeof status !== 'string' || !Array.isArray(checks)) return undefined
  const failing = checks.map(({ name, detail }) => `${name}: ${detail}`).join('; ')
  return printable(failing === '' ? status : `${status}: ${failing}`)
}
