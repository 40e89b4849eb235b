// Through a real gateway: the origin gets exactly the valid requests of what a client sent, each answer comes to whom it is for,
// and neither depends on how the bytes were cut.
import assert from 'node:assert/strict'
import type { TestGateway } from '../../kit/gateway.js'
import type { Cleanup } from '../../kit/process.js'
import { type Case, LIMITS, piecesOf, type RequestsCase, toBuffer } from '../cases.js'
import { pipelines } from '../generate/cases.js'
import { readRequests } from '../reference/messages.js'
import { answeredRightly, readFinals } from '../wire/answered.js'
import { RawClient } from '../wire/client.js'
import { digest, got, rightlyAdded, sent } from '../wire/essence.js'
import { type Expected, expectedOf } from '../wire/expected.js'
import { askInnocently, innocentAnswer, isInnocent } from '../wire/innocent.js'
import { atRest, startLiveGateways } from '../wire/live.js'
import { type Origin, startRecordingOrigin } from '../wire/origin.js'
import { type Check, countedAs, type Property } from './property.js'

export const liveRequests: Property<RequestsCase> = {
  name: 'live-requests',
  suits: isLive,
  cases: pipelines,
  round: 200,
  start: async (t) => startChecking(t, (tried) => [piecesOf(tried)]),
}

/** The gateway of these properties has one set of limits and trusts nobody. */
export function isLive(tried: Case): boolean {
  const { headBytes, fields, uriBytes } = LIMITS
  return (
    tried.kind === 'requests' &&
    !tried.trusted &&
    tried.headBytes === headBytes &&
    tried.fields === fields &&
    tried.uriBytes === uriBytes
  )
}

/** `splits`: the ways in which a case is sent, one after the other. */
export async function startChecking(
  t: Cleanup,
  splits: (tried: RequestsCase) => readonly (readonly string[])[],
): Promise<Check<RequestsCase>> {
  const origin = await startRecordingOrigin(t, ({ message, serial }, { socket }) => {
    const { method, target } = message.head
    if (isInnocent(target)) return void socket.write(toBuffer(innocentAnswer(target)))
    const body = `${serial} ${digest(got(message))}`
    const head = `HTTP/1.1 200 OK\r\nX-Seen: ${body}\r\nContent-Length: ${body.length}\r\n\r\n`
    socket.write(toBuffer(method === 'HEAD' ? head : head + body))
  })
  const gateways = await startLiveGateways(t, origin.address, {})
  return async (tried) => {
    const gateway = gateways(tried.gateway)
    const expected = expectedOf(tried)
    for (const pieces of splits(tried)) {
      origin.forget()
      await Promise.all([converse(gateway, origin, pieces, tried, expected), askInnocently(gateway.port)])
      await askInnocently(gateway.port)
      await atRest(gateway)
      arrivedRightly(origin, expected, tried)
    }
    return countedAs(readRequests(tried.bytes, tried).ending)
  }
}

async function converse(
  gateway: TestGateway,
  origin: Origin,
  pieces: readonly string[],
  { leaves }: RequestsCase,
  expected: Expected,
): Promise<void> {
  const { steps, closes } = expected
  const client = new RawClient(gateway.port)
  try {
    await client.send(pieces)
    if (leaves === 'by-reset') return client.reset()
    if (leaves === 'answered') {
      const enough = (text: string): boolean => !closes && readFinals(text, expected).length >= steps.length
      await client.until(enough, `${steps.length} answers${closes ? ' and the end' : ''}`)
    }
    client.halfClose()
    const { text, ended } = await client.until(() => false, 'the end of the connection')
    answeredRightly({ text, ended }, expected, origin)
  } finally {
    client.close()
  }
}

function arrivedRightly(origin: Origin, { steps }: Expected, { leaves }: RequestsCase): void {
  const arrived = origin.arrived.filter(({ message }) => !isInnocent(message.head.target))
  const all = steps.filter(({ own }) => own === undefined)
  // Whoever resets the connection takes back what has not gone on yet.
  const due = leaves === 'by-reset' ? all.slice(0, arrived.length) : all
  assert.deepEqual(origin.unreadable, [])
  assert.deepEqual(
    arrived.map(({ message }) => got(message)),
    due.map(({ message }) => sent(message)),
    'what arrived is not what was sent',
  )
  due.forEach(({ message }, i) => {
    const there = arrived[i]?.message.head
    if (there !== undefined) rightlyAdded(there, message.head, origin.address)
  })
}
