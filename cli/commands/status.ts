// `serverpy status`: the services and instances of a running discovery server as tables.
import { Command } from 'commander'
import pc from 'picocolors'
import { pause, systemClock } from '../../shared/clock.js'
import {
  CommandFailure,
  createClient,
  orFail,
  readSeconds,
  withServerOptions,
  type DiscoveryClient,
  type ServerOptions,
} from './discovery-client.js'
import { readInstances, readList, type InstanceRow } from './instances.js'
import { table, type Cell } from './table.js'
import { thisTerminal, type Terminal } from './terminal.js'

interface StatusOptions extends ServerOptions {
  readonly json?: boolean
  readonly watch?: boolean
  readonly interval: number
}

/** Of the answer of /api/v1/services, what is shown. */
interface ServiceRow {
  readonly name: string
  readonly health: string
  readonly instances: number
  readonly up: number
  readonly requests: number
  readonly errors: number
  readonly latency_ms: { readonly p50: number | null; readonly p99: number | null }
}

interface Status {
  readonly services: readonly ServiceRow[]
  readonly instances: readonly InstanceRow[]
}

export function statusCommand(terminal: Terminal = thisTerminal): Command {
  return withServerOptions(
    new Command('status')
      .description('show the services and instances of a running discovery server')
      .option('--json', 'print JSON')
      .option('-w, --watch', 'show it again and again, until interrupted')
      .option('--interval <seconds>', 'time between two looks with --watch', readSeconds, 2),
  ).action((options: StatusOptions) =>
    orFail(terminal, async () => {
      const client = await createClient(options, terminal)
      const show = async () => {
        const status = await readStatus(client)
        return options.json ? `${JSON.stringify(status)}\n` : render(status, terminal.colours, Date.now())
      }
      if (options.watch) await watch(show, options, terminal)
      else terminal.out(await show())
    }),
  )
}

/** A server that cannot be asked now is said so in its place: it may come back. */
async function watch(
  show: () => Promise<string>,
  { json, interval }: StatusOptions,
  terminal: Terminal,
): Promise<void> {
  while (terminal.signal?.aborted !== true) {
    const text = await show().catch((error: unknown) => {
      if (error instanceof CommandFailure) return `${error.message}\n`
      throw error
    })
    terminal.out(json ? text : `\x1b[H\x1b[2J${text}`)
    await pause(interval * 1000, terminal.signal, systemClock)
  }
}

async function readStatus(client: DiscoveryClient): Promise<Status> {
  const { items: services } = await readList<ServiceRow>(client, '/api/v1/services')
  return { services, instances: await readInstances(client) }
}

function render({ services, instances }: Status, colours: boolean, now: number): string {
  const c = pc.createColors(colours)
  const health = (text: string): Cell => ({
    text,
    colour: text === 'up' ? c.green : text === 'down' ? c.red : c.yellow,
  })
  const right = true
  const ofServices = table(
    [
      { title: 'SERVICE' },
      { title: 'HEALTH' },
      { title: 'UP', right },
      { title: 'REQUESTS', right },
      { title: 'ERRORS', right },
      { title: 'P50', right },
      { title: 'P99', right },
    ],
    services.map((one) => [
      { text: one.name, colour: c.bold },
      health(one.health),
      { text: `${one.up}/${one.instances}` },
      { text: String(one.requests) },
      { text: String(one.errors), ...(one.errors > 0 && { colour: c.red }) },
      { text: milliseconds(one.latency_ms.p50) },
      { text: milliseconds(one.latency_ms.p99) },
    ]),
  )
  const ofInstances = table(
    [
      { title: 'INSTANCE' },
      { title: 'HEALTH' },
      { title: 'OVERRIDE' },
      { title: 'PRIORITY' },
      { title: 'LATENCY', right },
      { title: 'CHECKED', right },
      { title: 'REQUESTS', right },
      { title: 'TRAFFIC' },
      { title: 'ANSWER' },
    ],
    instances.map((one) => [
      { text: one.id },
      health(one.health),
      { text: one.override ?? '', colour: c.magenta },
      { text: one.priority },
      { text: milliseconds(one.latency_ms) },
      { text: ago(one.last_checked_at, now) },
      { text: String(one.requests) },
      { text: traffic(one), colour: c.yellow },
      { text: one.reason, colour: c.dim },
    ]),
  )
  return `${ofServices}\n${ofInstances}`
}

/** What requests say of it, where polls do not say the same. */
function traffic({ ejected_by: ejectedBy, polling_disputed: disputed, flapping }: InstanceRow): string {
  const ejected = ejectedBy.length === 0 ? '' : `ejected by ${ejectedBy.map(({ worker }) => worker).join(', ')}`
  return [flapping ? 'flapping' : '', disputed ? 'polling disputed' : '', ejected]
    .filter((one) => one !== '')
    .join('; ')
}

function milliseconds(ms: number | null): string {
  return ms === null ? '' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}

function ago(time: string | null, now: number): string {
  if (time === null) return ''
  // The clocks of two machines differ: what lies ahead is now.
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000))
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`
  return `${Math.round(seconds / 3600)} h ago`
}
