// Runs cases against a gateway, each followed by two innocent requests, and tells for each that went wrong what was seen.
import { type Arrival, CASE, type ClientStep, type HostileCase, type PreparedCase, show, withId } from './case.js'
import { faultsOfStreams, marksOf, streamsSince } from './arrivals.js'
import { Client, type Delivery } from './client.js'
import { type Lane, type Layout, PLAIN, startLane } from './lane.js'
import { echo } from './recorder.js'
import { answerSettled, originSettled, poisonedConnectionEnded, tunnelSettled } from './settle.js'
import { faultsForClient, type Ran } from './verdict.js'

export interface Failure {
  readonly name: string
  readonly expected: string
  readonly sent: string
  readonly clientGot: string
  readonly originGot: string
  readonly faults: readonly string[]
}

export interface RunOptions {
  readonly layout?: Layout
  readonly delivery?: Delivery
  /** Starts what the cases are run against, where that is not the gateway. */
  readonly start?: () => Promise<Lane>
}

let cases = 0
let innocents = 0

/** The failures among `hostile`; a lane in which a case failed is not used again, lest it spoils the next. */
export async function run(hostile: readonly HostileCase[], options: RunOptions = {}): Promise<Failure[]> {
  const { layout = PLAIN, delivery = 'whole', start = () => startLane(layout) } = options
  const failures: Failure[] = []
  let lane = await start()
  try {
    for (const each of hostile) {
      const failure = await runCase(prepared(each), lane, delivery)
      if (failure === undefined) continue
      failures.push(failure)
      await lane.stop()
      lane = await start()
    }
    await lane.quiet()
  } finally {
    await lane.stop()
  }
  return failures
}

/** The case with its own id in all its bytes. */
function prepared(hostile: HostileCase): PreparedCase {
  const id = `k${String(++cases).padStart(CASE.length - 1, '0')}`
  const fill = <T>(value: T): T => {
    if (typeof value === 'string') return withId(value, id) as T
    if (Array.isArray(value)) return value.map(fill) as T
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one as unknown)])) as T
  }
  const { name, ...rest } = hostile
  return { ...fill(rest), name, id }
}

async function runCase(hostile: PreparedCase, lane: Lane, delivery: Delivery): Promise<Failure | undefined> {
  const { script, id } = hostile
  const marks = marksOf(lane)
  const origins = [...lane.origins.values()]
  if (script !== undefined) for (const origin of origins) origin.script(id, script)
  const methods = methodsOf(hostile)
  const client = await Client.connect(lane.port, methods)
  await client.send(hostile.send, hostile.splitAt === undefined ? delivery : { splitAt: hostile.splitAt })
  await answerSettled(client, hostile)
  for (const origin of origins) origin.answered()
  const ends = script?.play.includes('answered') !== true || (await poisonedConnectionEnded(lane, id))
  const { received, ended, answers } = client
  const ran: Ran = { hostile, client, received, ended, answers, methods }

  const innocent: Arrival[] = []
  const faults = ends ? [] : ['a connection with bytes for nobody stays open']
  const ask = async (from: Client, whose: string): Promise<void> => {
    const target = `/app/innocent-${++innocents}`
    innocent.push({ method: 'GET', target })
    const instead = await from.ask(target, echo('GET', target, ''))
    if (instead !== undefined) faults.push(`an innocent request on ${whose} connection got ${show(instead)}`)
  }
  if (client.open && answers.ends === 'between' && hostile.expect !== 'switches') await ask(client, 'the same')
  for (let i = 0; i < 2; i++) {
    const fresh = await Client.connect(lane.port)
    await ask(fresh, 'a fresh')
    fresh.destroy()
  }
  if (hostile.tunnel !== undefined) await tunnelSettled(lane, marks, hostile.tunnel.toOrigin)
  client.destroy()
  if (hostile.tunnel === undefined) await originSettled(lane, marks)

  const streams = streamsSince(lane, marks)
  const judged = outcomes(hostile).map(({ forwarded, expected }) => [
    ...faultsForClient(ran, forwarded),
    ...faultsOfStreams(streams, [...expected, ...innocent], hostile, lane),
  ])
  // Of two right outcomes the one that it is nearer to tells more.
  const nearest = judged.reduce((best, one) => (one.length < best.length ? one : best))
  faults.push(...nearest)
  if (faults.length === 0) return undefined
  return {
    name: hostile.name,
    expected: hostile.expect,
    sent: show(hostile.send.map(stepText).join(''), 1200),
    clientGot: `${show(received)} then ${ended === 'no' ? 'open' : ended}`,
    originGot: streams
      .map(({ service, bytes, closed }) => `${service}${closed ? ' (closed)' : ''}: ${show(bytes)}`)
      .join('\n'),
    faults: [...new Set(faults)],
  }
}

/** Of the requests, which tell how the answers to them are framed. A refusal is framed by itself, and the last. */
function methodsOf({ expect, send, before = [], arrives = [] }: HostileCase): string[] {
  const known = [...before, ...arrives].map(({ method }) => method)
  const [text] = send
  return expect === 'answered' && typeof text === 'string' ? [...known, text.split(' ', 1)[0] ?? ''] : known
}

function outcomes({ expect, before = [], arrives = [] }: HostileCase): { forwarded: boolean; expected: Arrival[] }[] {
  const refused = { forwarded: false, expected: [...before] }
  const forwarded = { forwarded: true, expected: [...before, ...arrives] }
  switch (expect) {
    case 'either':
    case 'forwarded or answered':
      return [refused, forwarded]
    case 'refused':
    case 'answered':
    case 'abandoned':
      return [refused]
    default:
      return [forwarded]
  }
}

function stepText(step: ClientStep): string {
  return typeof step !== 'string' ? `<awaits ${step.awaits}>` : step === 'fin' || step === 'reset' ? `<${step}>` : step
}

/** Failures as a person wants to read them. */
export function report(failures: readonly Failure[]): string {
  return failures
    .map(({ name, expected, sent, clientGot, originGot, faults }) =>
      [
        `### ${name}`,
        `- expected: ${expected}`,
        ...faults.map((fault) => `- seen: ${fault}`),
        `- sent: \`${sent}\``,
        `- client got: \`${clientGot}\``,
        ...originGot.split('\n').map((line) => `- origin got: \`${line}\``),
      ].join('\n'),
    )
    .join('\n\n')
}
