// `serverpy drain|undrain|down|up INSTANCE`: what an operator says of an instance, above its health.
import { Command, InvalidArgumentError } from 'commander'
import {
  CommandFailure,
  createClient,
  orFail,
  refusedBy,
  withServerOptions,
  withToken,
  type ServerOptions,
} from './discovery-client.js'
import { instanceMeant, readInstances } from './instances.js'
import { printable, thisTerminal, type Terminal } from './terminal.js'

interface OverrideOptions extends ServerOptions {
  readonly json?: boolean
}

interface DrainOptions extends OverrideOptions {
  /** Seconds; false: not at all. */
  readonly wait: number | false
}

/** The answer of the API. */
interface Overridden {
  readonly instance: string
  readonly state: 'safe to stop' | 'draining' | 'down' | 'up'
  readonly in_flight: number
  readonly health: string
}

const WAIT_SECONDS = 30
const MOST_WAIT_SECONDS = 3_600

/** Exit code 1 when requests still run there after the wait. */
export function drainCommand(terminal: Terminal = thisTerminal): Command {
  return overriding('drain', 'keep new requests away from an instance, and wait until none runs there')
    .option('--wait <seconds>', 'how long to wait', readWait, WAIT_SECONDS)
    .option('--no-wait', 'do not wait')
    .action((given: string, options: DrainOptions) => {
      const seconds = options.wait === false ? 0 : options.wait
      return run('drain', given, options, terminal, seconds, (answer) => {
        if (answer.state === 'safe to stop' || options.wait === false) return
        throw new CommandFailure([`after ${seconds} s ${sentence(answer)}`], 1)
      })
    })
}

export function undrainCommand(terminal: Terminal = thisTerminal): Command {
  return plain('undrain', 'end the drain of an instance', terminal)
}

export function downCommand(terminal: Terminal = thisTerminal): Command {
  return plain('down', 'take an instance out of service', terminal)
}

export function upCommand(terminal: Terminal = thisTerminal): Command {
  return plain('up', 'end whatever was said of an instance, drain or down', terminal)
}

function plain(name: string, description: string, terminal: Terminal): Command {
  return overriding(name, description).action((given: string, options: OverrideOptions) =>
    run(name, given, options, terminal, 0, () => undefined),
  )
}

function overriding(name: string, description: string): Command {
  return withServerOptions(
    withToken(new Command(name))
      .description(description)
      .argument('<instance>', 'its id, its url, or host:port')
      .option('--json', 'print JSON'),
  )
}

/** `judge` throws a CommandFailure where the answer is not what was hoped for. */
async function run(
  name: string,
  given: string,
  options: OverrideOptions,
  terminal: Terminal,
  waitSeconds: number,
  judge: (answer: Overridden) => void,
): Promise<void> {
  await orFail(terminal, async () => {
    const client = await createClient(options, terminal)
    const instance = instanceMeant(given, await readInstances(client))
    const query = { instance, ...(waitSeconds > 0 && { wait: String(waitSeconds) }) }
    const { status, body } = await client.post(`/api/v1/${name}`, query, options.timeout + waitSeconds)
    if (status !== 200) throw refusedBy(client, status, body)
    const answer = body as Overridden
    if (options.json) terminal.out(`${JSON.stringify(answer)}\n`)
    judge(answer)
    if (!options.json) terminal.out(`${sentence(answer)}\n`)
  })
}

function sentence({ instance, state, in_flight: inFlight, health }: Overridden): string {
  const id = printable(instance)
  const running = `${inFlight} request${inFlight === 1 ? '' : 's'} still ${inFlight === 1 ? 'runs' : 'run'} there`
  switch (state) {
    case 'safe to stop':
      return `${id} takes no requests and none runs there: safe to stop`
    case 'draining':
      return inFlight > 0
        ? `${id} takes no new requests, but ${running}`
        : `${id} takes no new requests, but not every worker has said so yet`
    case 'down':
      return `${id} is out of service${inFlight > 0 ? `; ${running}` : ''}`
    case 'up':
      return `${id} may take requests; its health is ${printable(health)}`
  }
}

function readWait(value: string): number {
  const seconds = /^\d{1,4}$/.test(value) ? Number(value) : Infinity
  if (seconds <= MOST_WAIT_SECONDS) return seconds
  throw new InvalidArgumentError(`It must be a whole number of seconds up to ${MOST_WAIT_SECONDS}.`)
}
