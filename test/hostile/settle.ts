// When a case has led to all that it will lead to: events to wait for, each with a bound, so that nothing sleeps.
import { waitFor } from '../kit/wait.js'
import type { HostileCase } from './case.js'
import { type Marks, streamsSince } from './arrivals.js'
import type { Client } from './client.js'
import type { Lane } from './lane.js'
import { STRICT } from './reading/dialect.js'
import { read, statusOf, valuesOf } from './reading/read.js'

const LONGEST_WAIT_MS = 1500

/** The client has what it is to get if all is right; what is missing then is for the verdict. */
export async function answerSettled(client: Client, hostile: HostileCase): Promise<void> {
  const { before = [], arrives = [], expect } = hostile
  if (expect === 'cut off' || expect === 'abandoned') return void (await client.end())
  if (expect === 'switches') {
    const { toClient = '' } = hostile.tunnel ?? {}
    return void (await client.until(() => client.received.endsWith(`\r\n\r\n${toClient}`)))
  }
  const odd = expect === 'refused' ? 1 : Math.max(1, arrives.length)
  await client.until(() => client.finals >= before.length + odd)
  const last = client.answers.messages.at(-1)
  if (last === undefined || statusOf(last) < 200) return
  if (/close/i.test(valuesOf(last.fields, 'connection').join())) await client.end()
}

/** The gateway has ended the connection on which the request with this id came. */
export async function poisonedConnectionEnded(lane: Lane, id: string): Promise<boolean> {
  const connections = [...lane.origins.values()].flatMap((origin) => origin.connections)
  return soon(() => connections.every(({ bytes, closed }) => closed || !bytes.includes(id)))
}

/** What a client has sent through a tunnel is at its end. */
export async function tunnelSettled(lane: Lane, marks: Marks, toOrigin: string): Promise<void> {
  await soon(() => streamsSince(lane, marks).some(({ bytes }) => bytes.endsWith(`\r\n\r\n${toOrigin}`)))
}

/** No connection of an origin is within a request. */
export async function originSettled(lane: Lane, marks: Marks): Promise<void> {
  await soon(() =>
    streamsSince(lane, marks).every(({ bytes, closed }) => closed || read(bytes, STRICT).ends === 'between'),
  )
}

async function soon(condition: () => boolean): Promise<boolean> {
  if (!condition()) await waitFor(condition, { timeoutMs: LONGEST_WAIT_MS, intervalMs: 2 }).catch(() => undefined)
  return condition()
}
