// What every conformance test stands on: one gateway before one scripted origin, bytes in on one side, bytes seen on the other.
import assert from 'node:assert/strict'
import { startGateway, type TestConfig, type TestGateway } from '../kit/gateway.js'
import { statusOf } from '../kit/http.js'
import { fieldValues, type Message, readMessages } from '../kit/message.js'
import { type Origin, type OriginHandler, startOrigin } from '../kit/origin.js'
import type { Cleanup } from '../kit/process.js'
import { dial, type End } from '../kit/wire.js'

/** What the origin says unless a test wants something else. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

export interface AskOptions {
  /** The origin's bytes for each request, or its behaviour. */
  readonly reply?: string | OriginHandler
  /** Final answers to wait for. */
  readonly answers?: number
  /** All answers are to HEAD, or those with these positions, interim ones counted. */
  readonly head?: boolean | readonly number[]
  /** Read on until the gateway ends the connection, however much has come. */
  readonly toEnd?: boolean
  /** Where to ask instead of this rig's own gateway. */
  readonly port?: number
}

export interface Asked {
  /** Every byte that came back, as Latin-1. */
  readonly raw: string
  /** Whole answers in their order, interim ones too. */
  readonly answers: readonly Message[]
  /** Status of the first final answer; NaN where none came whole. */
  readonly status: number
  /** All values of a field in the first final answer. */
  values(name: string): string[]
  /** Content of the first final answer, as Latin-1. */
  readonly body: string
  /** Every byte that reached the origin meanwhile, as Latin-1. */
  readonly sent: string
  /** The whole requests in `sent`. */
  readonly requests: readonly Message[]
  /** All values of a field in the first of those. */
  sentValues(name: string): string[]
  /** How the gateway had ended the connection when enough had come. */
  readonly end: End
}

export interface Rig {
  readonly gateway: TestGateway
  readonly origin: Origin
  /** Sends bytes over a connection of its own and gives back what came of them, on both sides. */
  ask(bytes: string | readonly string[], options?: AskOptions): Promise<Asked>
  /** Sets what the origin does from here on, for tests that hold their connection themselves. */
  script(reply: string | OriginHandler): void
}

/** Services beside `s`, which has the origin and takes `/s`; `origin` is its address. */
export type Beside = (origin: string) => TestConfig

export async function startRig(t: Cleanup, beside: Beside = () => ({})): Promise<Rig> {
  let handler: OriginHandler = () => undefined
  const origin = await startOrigin(t, (request) => handler(request))
  const given = beside(origin.address)
  const gateway = await startGateway(t, {
    ...given,
    services: { s: { servers: [origin.address], apis: ['/s'] }, ...given.services },
  })
  const script = (reply: string | OriginHandler): void => {
    handler = typeof reply === 'string' ? (request) => request.send(reply) : reply
  }
  const atOrigin = (): number[] => origin.connections.map((connection) => connection.received().length)

  return {
    gateway,
    origin,
    script,
    async ask(bytes, { reply = OK, answers = 1, head = false, toEnd = false, port = gateway.port } = {}) {
      script(reply)
      const before = atOrigin()
      const wire = await dial(t, port)
      const bodyless = (index: number) => (typeof head === 'boolean' ? head : head.includes(index))
      const read = (closed: boolean) => readMessages(Buffer.from(wire.text(), 'latin1'), { closed, bodyless })
      for (const piece of typeof bytes === 'string' ? [bytes] : bytes) wire.send(piece)
      if (toEnd) await wire.ended()
      else await wire.until(() => read(false).filter((message) => statusOf(message) >= 200).length >= answers)
      const { end } = wire
      wire.destroy()
      const parts = origin.connections.map((connection, i) => connection.received().subarray(before[i] ?? 0))
      return asked(wire.text(), read(end === 'closed'), Buffer.concat(parts), end)
    },
  }
}

function asked(raw: string, answers: readonly Message[], sent: Buffer, end: End): Asked {
  const final = answers.find((message) => statusOf(message) >= 200)
  const requests = readMessages(sent)
  return {
    raw,
    answers,
    status: final === undefined ? NaN : statusOf(final),
    values: (name) => (final === undefined ? [] : fieldValues(final.fields, name)),
    body: final === undefined ? '' : final.body.toString('latin1'),
    sent: sent.toString('latin1'),
    requests,
    sentValues: (name) => (requests[0] === undefined ? [] : fieldValues(requests[0].fields, name)),
    end,
  }
}

/** A GET for a path of the origin with more field lines, each with its CRLF. */
export function get(fields = '', target = '/s'): string {
  return `GET ${target} HTTP/1.1\r\nHost: example.org\r\n${fields}\r\n`
}

/** An answer of 200 with more field lines, each with its CRLF, and a body with its length. */
export function ok(fields = '', body = 'ok'): string {
  return `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
}

/** Refused with this status, once, with the connection closed behind it, and nothing of it at the origin. */
export function assertRefused(answer: Asked, status: number | RegExp): void {
  assert.match(String(answer.status), typeof status === 'number' ? new RegExp(`^${status}$`) : status)
  assert.equal(answer.answers.length, 1, 'one answer')
  assert.deepEqual(answer.values('connection'), ['close'])
  assert.equal(answer.end, 'closed')
  assert.equal(answer.sent, '')
}

/** The members of a comma-separated list over all its field lines, in lower case. */
export function members(values: readonly string[]): string[] {
  return values
    .join(',')
    .toLowerCase()
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
}
