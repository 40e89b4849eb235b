// Compares the answers that a client heard with the requests that it sent.
import assert from 'node:assert/strict'
import type { AnswerHead } from '../reference/answer.js'
import { valuesOf } from '../reference/heads.js'
import { type Message, readAnswers, type Sequence } from '../reference/messages.js'
import type { Conversation } from './client.js'
import { digest, sent } from './essence.js'
import type { Expected } from './expected.js'
import type { Origin } from './origin.js'

function read(text: string, { steps, refusedMethod }: Expected): Sequence<AnswerHead> {
  const methods = [...steps.map(({ message }) => message.head.method), refusedMethod]
  return readAnswers(text, { methods, ended: false })
}

/** Without the interim ones. */
export function readFinals(text: string, expected: Expected): Message<AnswerHead>[] {
  return read(text, expected).messages.filter(({ head }) => head.status >= 200)
}

export function answeredRightly({ text, ended }: Conversation, expected: Expected, origin: Origin): void {
  const { steps, refusal, mayBeReset } = expected
  const heard = `the client heard ${JSON.stringify(text)} and ${ended}`
  const answers = readFinals(text, expected)
  assert.ok(answers.length >= steps.length, `fewer answers than requests: ${heard}`)
  steps.forEach(({ message, own }, i) => {
    const { head, body } = answers[i] as Message<AnswerHead>
    if (own !== undefined) return assert.equal(head.status, own, heard)
    const seen = origin.arrived.find(({ serial }) => valuesOf(head.fields, 'x-seen')[0]?.startsWith(`${serial} `))
    const essence = `${seen?.serial} ${digest(sent(message))}`
    assert.deepEqual(valuesOf(head.fields, 'x-seen'), [essence], `answer ${i} is not for request ${i}: ${heard}`)
    assert.equal(body.content, message.head.method === 'HEAD' ? '' : essence, heard)
  })
  const more = answers.slice(steps.length)
  if (refusal === 'no') assert.equal(more.length, 0, `an answer to nothing: ${heard}`)
  if (refusal === 'yes') assert.equal(more.length, 1, `no refusal: ${heard}`)
  for (const { head } of more) {
    assert.ok(head.status >= 400 || head.status === 204, heard)
    assert.ok(head.close, `a refusal that does not end the connection: ${heard}`)
  }
  if (refusal !== 'perhaps' && !mayBeReset) assert.equal(ended, 'fin', heard)
  assert.equal(read(text, expected).end, text.length, `bytes that are no answer: ${heard}`)
}
