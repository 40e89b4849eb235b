// What a case must have led to, against what the client and the origins saw.
import { type Arrival, type HostileCase, show, type Shown } from './case.js'
import type { Client } from './client.js'
import { disagreements } from './reading/compare.js'
import { faultsOfAnswer } from './reading/invariants.js'
import { type ReadMessage, statusOf, valuesOf } from './reading/read.js'
import { echo } from './recorder.js'

export interface Ran {
  readonly hostile: HostileCase
  readonly client: Client
  /** What the client had received and how it was ended before the innocent requests. */
  readonly received: string
  readonly ended: Client['ended']
  readonly answers: Client['answers']
  readonly methods: readonly string[]
}

const REFUSALS = [400, 405, 408, 413, 414, 417, 431, 501, 505]

/** `forwarded`: all of it did arrive. */
export function faultsForClient(ran: Ran, forwarded: boolean): string[] {
  const { hostile, received } = ran
  const interim = ran.answers.messages.map(statusOf).filter((status) => status < 200)
  const poisoned = hostile.poison !== undefined && received.includes(hostile.poison)
  return [
    ...faultsOfFinals(ran, forwarded),
    ...ran.answers.messages.flatMap(faultsOfAnswer).map((fault) => `an answer to the client: ${fault}`),
    ...disagreements(httpOf(ran), { answersTo: ran.methods, closed: ran.ended === 'fin' }).map((text) =>
      text.replaceAll('a server that', 'a client that'),
    ),
    ...(poisoned ? ['the client got bytes that were for nobody'] : []),
    ...(hostile.interim === undefined || hostile.interim.join() === interim.join()
      ? []
      : [`the interim answers were ${interim.join() || 'none'}, not ${hostile.interim.join() || 'none'}`]),
  ]
}

/** What the client got before another protocol began. */
function httpOf({ hostile, received, answers }: Ran): string {
  return hostile.expect === 'switches' ? received.slice(0, answers.messages[0]?.end) : received
}

function faultsOfFinals(ran: Ran, forwarded: boolean): string[] {
  const { hostile } = ran
  const { before = [], arrives = [] } = hostile
  switch (hostile.expect) {
    case 'forwarded':
      return [...faultsOfEchoes(ran, [...before, ...arrives]), ...faultsOfEnd(ran, 0)]
    case 'refused':
      return faultsOfRefusal(ran)
    case 'either':
      return forwarded
        ? [...faultsOfEchoes(ran, [...before, ...arrives]), ...faultsOfEnd(ran, 0)]
        : faultsOfRefusal(ran)
    case 'answered':
      return [...faultsOfEchoes(ran, before), ...faultsOfOwnAnswer(ran, hostile.status ?? [200, 204])]
    case 'forwarded or answered':
      return forwarded
        ? [...faultsOfEchoes(ran, [...before, ...arrives]), ...faultsOfEnd(ran, 0)]
        : [...faultsOfEchoes(ran, before), ...faultsOfOwnAnswer(ran, hostile.status ?? [400, 404])]
    case 'abandoned':
      return []
    case '502':
      return isBadGateway(ran) ? [] : ['the client did not get exactly one whole 502']
    case 'cut off':
      return isCutOff(ran) ? [] : ['the answer of the origin was not cut off for the client']
    case 'no answer':
      return isBadGateway(ran) || isCutOff(ran)
        ? []
        : ['the client got neither a whole 502 nor an answer that is cut off']
    case 'passes':
      return [...faultsOfShown(finals(ran)[before.length], hostile.shows), ...faultsOfEnd(ran, 1)]
    case 'passes or no answer':
      return isBadGateway(ran) || isCutOff(ran)
        ? []
        : [...faultsOfShown(finals(ran)[before.length], hostile.shows), ...faultsOfEnd(ran, 1)]
    case 'switches':
      return [...faultsOfShown(ran.answers.messages[0], { status: 101 }), ...faultsOfTunnel(ran)]
  }
}

function finals({ answers }: Ran): ReadMessage[] {
  return answers.messages.filter((message) => statusOf(message) >= 200)
}

function faultsOfEchoes(ran: Ran, arrivals: readonly Arrival[]): string[] {
  return arrivals.flatMap((arrival, i) => {
    const message = finals(ran)[i]
    const { method, target, body = '' } = arrival
    const expected = [target].flat().map((one) => (method === 'HEAD' ? '' : echo(method, one, body)))
    if (message !== undefined && statusOf(message) === 200 && expected.includes(message.body)) return []
    return [`answer ${i + 1} is ${message === undefined ? 'missing' : show(message.head + message.body)}`]
  })
}

function faultsOfEnd(ran: Ran, more: number): string[] {
  const { hostile, answers } = ran
  const whole = (hostile.before?.length ?? 0) + Math.max(hostile.arrives?.length ?? 0, more)
  const open = ran.ended === 'no'
  return [
    ...(answers.ends === 'between' ? [] : [`what the client got ends ${answers.ends}`]),
    ...(finals(ran).length > whole ? ['the client got more answers than it asked for'] : []),
    ...(hostile.after === 'open' && !open ? ['the client’s connection was ended'] : []),
    ...(hostile.after === 'closed' && open ? ['the client’s connection was left open'] : []),
  ]
}

function faultsOfOwnAnswer(ran: Ran, allowed: readonly number[]): string[] {
  const own = finals(ran)[ran.hostile.before?.length ?? 0]
  if (own === undefined) return ['the gateway gave no answer']
  return [
    ...(allowed.includes(statusOf(own)) ? [] : [`the gateway answered ${statusOf(own)}, not ${allowed.join(' or ')}`]),
    ...faultsOfEnd(ran, 1),
  ]
}

function faultsOfRefusal(ran: Ran): string[] {
  const { before = [], status } = ran.hostile
  const own = finals(ran)[before.length]
  const says = own === undefined ? '' : valuesOf(own.fields, 'connection').join().toLowerCase()
  return [
    ...faultsOfEchoes(ran, before),
    ...faultsOfOwnAnswer(ran, status ?? REFUSALS),
    ...(says === 'close' ? [] : ['the refusal does not say "Connection: close"']),
    ...(ran.ended === 'no' ? ['the connection stays open after the refusal'] : []),
    ...(ran.ended === 'reset' ? ['the connection is reset after the refusal'] : []),
  ]
}

function faultsOfTunnel({ hostile, answers, received }: Ran): string[] {
  const got = received.slice(answers.messages[0]?.end)
  return got === hostile.tunnel?.toClient ? [] : [`through the tunnel the client got ${show(got)}`]
}

function isBadGateway(ran: Ran): boolean {
  const given = finals(ran)
  return given.length === 1 && ran.answers.ends === 'between' && given[0] !== undefined && statusOf(given[0]) === 502
}

function isCutOff(ran: Ran): boolean {
  if (ran.ended === 'no' || finals(ran).length > 0) return false
  // An answer without a length that ends in a reset is cut off as well; one that ends in a FIN is whole.
  return ran.answers.ends === 'within' || ran.ended === 'reset'
}

function faultsOfShown(message: ReadMessage | undefined, shown: Shown | undefined): string[] {
  if (message === undefined || shown === undefined) return ['there is no whole answer']
  const lines = message.fields.map(({ name, value }) => `${name}: ${value}`)
  const names = message.fields.map(({ name }) => name)
  return [
    ...(statusOf(message) === shown.status ? [] : [`the status is ${statusOf(message)}, not ${shown.status}`]),
    ...(shown.body === undefined || message.body === shown.body ? [] : [`the body is ${show(message.body)}`]),
    ...(shown.has ?? []).filter((line) => !lines.includes(line)).map((line) => `"${line}" is missing`),
    ...(shown.lacks ?? []).filter((name) => names.includes(name)).map((name) => `${name} was passed on`),
  ]
}
