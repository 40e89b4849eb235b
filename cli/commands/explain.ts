// `serverpy explain METHOD URL`: where a request would go, and why there.
import { Command } from 'commander'
import pc from 'picocolors'
import type { Explanation } from '../../shared/processor.js'
import { createClient, orFail, withServerOptions, type ServerOptions } from './discovery-client.js'
import { table } from './table.js'
import { printable, thisTerminal, type Terminal } from './terminal.js'

/** A pool may have thousands. */
const MOST_PICKS = 10

/** Exit code 0 whatever the request would get: to say that it is refused is an answer too. */
export function explainCommand(terminal: Terminal = thisTerminal): Command {
  return withServerOptions(
    new Command('explain')
      .description('show which route and which instance a request would get, and why')
      .argument('<method>', 'e.g. GET')
      .argument('<target>', 'a URL, or a path with its query')
      .option('--json', 'print JSON'),
  ).action((method: string, target: string, options: ServerOptions & { readonly json?: boolean }) =>
    orFail(terminal, async () => {
      const client = await createClient(options, terminal)
      const explanation = (await client.get('/api/v1/explain', { method, url: target })) as Explanation
      terminal.out(options.json ? `${JSON.stringify(explanation)}\n` : render(explanation, terminal.colours))
    }),
  )
}

function render({ method, host, target, outcome, pipes, candidates, picks }: Explanation, colours: boolean): string {
  const c = pc.createColors(colours)
  const lines = [`${c.bold(printable(method))} ${printable(host)}${printable(target)}`]
  switch (outcome.kind) {
    case 'forward':
      lines.push(`route     ${printable(outcome.route)}`)
      lines.push(`service   ${printable(outcome.service)} (${printable(outcome.strategy)})`)
      lines.push(`next      ${printable(nextOf(picks))}`)
      break
    case 'fixed':
      lines.push(`route     ${printable(outcome.route)}`)
      lines.push(`answer    ${outcome.status}, fixed in the config`)
      break
    case 'merge':
      lines.push(`route     ${printable(outcome.route)}`)
      lines.push(`answer    merged from ${printable(outcome.services.join(', '))}`)
      break
    case 'refused':
      lines.push(`${c.red('refused')}   ${outcome.status} ${printable(outcome.code)}: ${printable(outcome.detail)}`)
      break
  }
  if (pipes.length > 0) lines.push(`pipes     ${printable(pipes.join(', '))}`)
  const text = `${lines.join('\n')}\n`
  if (candidates.length === 0) return text
  const rows = candidates.map((one) => [
    { text: one.picked ? '*' : ' ', colour: c.green },
    { text: one.instance },
    { text: one.health, colour: one.health === 'up' ? c.green : one.health === 'down' ? c.red : c.yellow },
    { text: one.override ?? '', colour: c.magenta },
    { text: one.priority },
    { text: String(one.weight) },
    { text: one.reason },
  ])
  const titles = [' ', 'INSTANCE', 'HEALTH', 'OVERRIDE', 'PRIORITY', 'WEIGHT', 'WHY']
  const columns = titles.map((title) => ({ title, right: title === 'WEIGHT' }))
  return `${text}\n${table(columns, rows)}`
}

function nextOf(picks: readonly string[]): string {
  if (picks.length === 0) return 'no instance'
  const more = picks.length - MOST_PICKS
  return `${picks.slice(0, MOST_PICKS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
