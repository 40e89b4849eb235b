// Compares what a client heard with what was due to it.
import assert from 'node:assert/strict'
import { answerOptions, type AnswersCase, PROTOCOL } from '../cases.js'
import type { AnswerHead } from '../reference/answer.js'
import { valuesOf } from '../reference/heads.js'
import { type BodyKind, type Message, readAnswers } from '../reference/messages.js'
import type { Conversation } from './client.js'
import type { Due } from './due.js'
import { OWN_NAME } from './essence.js'

export function heardRightly(heard: Conversation, tried: AnswersCase, due: Due): void {
  const what = `due: ${due.kind}; the client heard ${JSON.stringify(heard.text)} and ${heard.ended}`
  const read = readAnswers(heard.text, { ...answerOptions(tried, heard.ended === 'fin'), mostInterim: 1000 })
  assert.notEqual(read.ending, 'refused', what)
  const final = read.messages.find(({ head }) => head.status >= 200 || head.status === 101)
  // Where the origin resets, what it had sent before may be lost on the way.
  const lossy = due.end === 'reset'
  if (final === undefined && (due.kind === 'cut' || lossy)) return
  if (final === undefined) return assert.fail(`no answer at all; ${what}`)
  const isProblem = valuesOf(final.head.fields, 'proxy-status').some((value) => value.startsWith(OWN_NAME))
  if (due.kind === 'refused' || (isProblem && lossy)) return assert.ok(isProblem && final.head.status === 502, what)
  assert.notEqual(due.kind, 'cut', `an answer that the origin cut off looks whole; ${what}`)
  const wanted = due.final as Message<AnswerHead>
  const interim = read.messages.slice(0, -1)
  if (!lossy) assert.deepEqual(interim.map(essence), due.interim.map(essence), what)
  assert.equal(final.head.minor, 1, what)
  assert.equal(essence(final).split('\r\n')[0], essence(wanted).split('\r\n')[0], what)
  if (due.kind === 'switched') sameSwitch(final.head, wanted.head, heard.text.slice(read.end), due, what)
  else sameAnswer(final, wanted, tried, what)
}

function essence({ head }: Message<AnswerHead>): string {
  return `${head.status} ${head.reason}\r\n${head.kept}`
}

function sameAnswer(seen: Message<AnswerHead>, wanted: Message<AnswerHead>, tried: AnswersCase, what: string): void {
  const { length, status, fields } = wanted.head
  assert.equal(seen.body.kind, passedKind(wanted, tried), what)
  assert.equal(seen.body.content, wanted.body.content, what)
  if (wanted.body.kind === seen.body.kind) assert.equal(seen.body.passes, wanted.body.passes, what)
  if (length.kind === 'length' && status !== 204) assert.deepEqual(seen.head.length, length, what)
  const has = (name: string): boolean => valuesOf(fields, name).length > 0
  const added = [...(has('date') ? [] : ['date']), ...(has('x-request-id') ? [] : ['x-request-id']), 'via']
  // RFC 9110 section 15.5.22: a 426 says what to switch to.
  const offers = status === 426 && valuesOf(fields, 'upgrade').some((value) => value !== '')
  sameFields(seen.head, wanted.head, offers ? [...added, 'upgrade'] : added, what)
}

/** How the body reaches a client of this version. */
function passedKind({ head, body }: Message<AnswerHead>, { method, minor }: AnswersCase): BodyKind {
  const bodiless = method === 'HEAD' || head.status === 204 || head.status === 304
  if (bodiless || body.kind === 'length' || body.kind === 'none') return body.kind
  return minor === 1 ? 'chunked' : 'until-close'
}

function sameSwitch(seen: AnswerHead, wanted: AnswerHead, tunnelled: string, due: Due, what: string): void {
  sameFields(seen, wanted, ['upgrade', 'via'], what)
  assert.deepEqual(valuesOf(seen.fields, 'upgrade'), [PROTOCOL], what)
  assert.deepEqual(seen.options, ['upgrade'], what)
  if (due.end === 'reset') assert.ok(due.tunnelled.startsWith(tunnelled), what)
  else assert.equal(tunnelled, due.tunnelled, what)
}

const FRAMING = ['connection', 'content-length', 'transfer-encoding']

/** The lines of the origin as they were and where they were, and the gateway's own behind them. */
function sameFields(seen: AnswerHead, wanted: AnswerHead, added: readonly string[], what: string): void {
  const lines = seen.fields.filter(({ name }) => !FRAMING.includes(name))
  const all = lines.map(({ line }) => line).join('')
  assert.ok(all.startsWith(wanted.kept), what)
  const own = lines.slice(lines.length - added.length).map(({ name }) => name)
  assert.deepEqual(own, added, what)
  assert.equal(
    all.length,
    wanted.kept.length +
      lines
        .slice(lines.length - added.length)
        .map(({ line }) => line)
        .join('').length,
    what,
  )
  assert.equal(valuesOf(seen.fields, 'via').at(-1), `1.${wanted.minor} ${OWN_NAME}`, what)
}
