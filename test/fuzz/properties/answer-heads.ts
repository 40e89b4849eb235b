// The parser of answer heads says what the reference says, whole and up to every byte.
import assert from 'node:assert/strict'
import { answer, parseAnswerHead } from '../../../processor/engine/answer-head.js'
import type { AnswersCase } from '../cases.js'
import { answers } from '../generate/cases.js'
import { parserOf } from '../product/requests.js'
import { type AnswerHead, keepAliveSeconds, readAnswerHead } from '../reference/answer.js'
import { elementsOf, listOf } from '../reference/heads.js'
import type { Property, Verdict } from './property.js'
import { everyPrefix } from './request-heads.js'

export const answerHeads: Property<AnswersCase> = {
  name: 'answer-heads',
  suits: ({ kind }) => kind === 'answers',
  cases: answers,
  round: 2000,
  start: () => check,
}

/** Bytes behind a head that are cut at, too: what follows changes nothing. */
const BEHIND = 40

/** Of all the heads in a row; what follows the last interim one is the head of the answer. */
function check({ bytes }: AnswersCase): Verdict {
  let rest = bytes
  for (;;) {
    const said = readAnswerHead(rest)
    const parse = parserOf(rest, parseAnswerHead)
    const result = parse(rest.length)
    const seen = { ...answer }
    const heard = `the reference: ${said.kind}; the parser: ${result}`
    if (said.kind === 'whole') {
      assert.equal(result, said.end, heard)
      sameHead(seen, said.value)
    } else if (said.kind === 'refused') assert.ok(result < 0, heard)
    else assert.ok(result <= 0, heard)
    everyPrefix(Math.min(rest.length, result > 0 ? result + BEHIND : Infinity), parse, result)
    if (said.kind !== 'whole') return said.kind
    if (said.value.status >= 200 || said.value.status === 101) return 'valid'
    rest = rest.slice(said.end)
  }
}

function sameHead(seen: typeof answer, said: AnswerHead): void {
  const { fields, length } = said
  const has = (name: string): boolean => fields.some((field) => field.name === name)
  const seconds = keepAliveSeconds(fields)
  const framing =
    length.kind === 'length'
      ? `Content-Length: ${length.bytes}\r\n`
      : length.kind === 'chunked'
        ? 'Transfer-Encoding: chunked\r\n'
        : ''
  const { hop, offers, ...rest } = seen
  // A trailer of that name ends here in any case.
  const named = (options: readonly string[]): string[] => options.filter((name) => name !== 'keep-alive')
  assert.deepEqual(named(elementsOf(hop)), named(said.options))
  assert.deepEqual(elementsOf(offers.toLowerCase()), listOf(fields, 'upgrade'))
  assert.deepEqual(rest, {
    status: said.status,
    // RFC 9112 section 4: the space stays where there is no reason.
    statusText: `${said.status} ${said.reason}`,
    minor: said.minor,
    contentLength: length.kind === 'length' ? length.bytes : -1,
    chunked: length.kind === 'chunked',
    close: said.close,
    keepAliveMs: seconds === undefined ? rest.keepAliveMs : seconds * 1000,
    upgrade: said.options.includes('upgrade') && said.minor === 1 ? offers.toLowerCase() : '',
    hasDate: has('date'),
    hasRequestId: has('x-request-id'),
    fields: said.kept,
    framing,
  })
}
