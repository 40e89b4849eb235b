// What a client has to hear of an origin's bytes, by the reference and docs/gateway.md.
import { answerOptions, type AnswersCase } from '../cases.js'
import type { AnswerHead } from '../reference/answer.js'
import { type Message, readAnswers } from '../reference/messages.js'
import { CONTINUE } from './origin.js'

export type End = AnswersCase['end']

export interface Due {
  /**
   * `whole`: the answer; `switched`: another protocol; `refused`: a 502 in its place; `cut`: a head without the end of its
   * body, or nothing at all.
   */
  readonly kind: 'whole' | 'switched' | 'refused' | 'cut'
  readonly interim: readonly Message<AnswerHead>[]
  readonly final: Message<AnswerHead> | undefined
  /** The origin's connection is good for no other request: it said so, or said more or less than it was asked for. */
  readonly spoils: boolean
  /** What the origin says in the other protocol. */
  readonly tunnelled: string
  /** How the origin has to end its connection, so that nobody waits for more. */
  readonly end: End
}

export function dueOf(tried: AnswersCase): Due {
  const { minor, expects } = tried
  const bytes = (expects && minor === 1 ? CONTINUE : '') + tried.bytes
  const read = (ended: boolean): ReturnType<typeof readAnswers> => readAnswers(bytes, answerOptions(tried, ended))
  // A clean end, where it is needed to end the wait. A head that is wrong may be refused only when it has come whole.
  const { ending, begun: body } = read(false)
  const waits = ending === 'open' || ending === 'end' || (ending === 'refused' && body === undefined)
  const end = tried.end === 'open' && waits ? 'fin' : tried.end
  const { messages, begun, ending: last, end: behind } = read(end === 'fin')
  const final = messages.find(({ head }) => head.status >= 200 || head.status === 101)
  const interim = messages.filter((message) => message !== final && message.head.status < 200 && minor === 1)
  const kind = last === 'switched' ? last : final !== undefined ? 'whole' : begun === undefined ? 'refused' : 'cut'
  const clean = kind === 'whole' && behind === bytes.length && final?.head.close === false
  return { kind, interim, final, spoils: !clean, tunnelled: kind === 'switched' ? bytes.slice(behind) : '', end }
}
