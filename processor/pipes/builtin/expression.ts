// `expression`: refuses, marks or sends elsewhere what a condition in CEL holds for.
import type {
  Condition as Written,
  ExpressionOptions,
  ExpressionRule,
} from '../../../shared/config/pipes/expression.js'
import { compileCondition, type Condition } from '../cel.js'
import { definePipe, type AnswerHead, type Pipe, type PipeExchange, type Reply } from '../pipe.js'
import { refuse } from '../refusing.js'
import { compileEdits } from './headers.js'

/** A reply ends the exchange, `true` ends the rules. */
type Rule = (x: PipeExchange, answer: AnswerHead | undefined) => Reply | true | undefined

export default definePipe<ExpressionOptions>({
  buffer: ({ bodyBytes }) => (bodyBytes > 0 ? { response: bodyBytes } : {}),
  create(options, { log }) {
    const { dialect } = options
    // What cannot be looked into is refused, and gets nothing that others have to be found fit for.
    const compile = ({ expression }: Written, tooLong: boolean): Condition =>
      compileCondition(expression, log, dialect, tooLong)
    const rulesOn = (side: Written['on']): Rule[] => [
      ...options.require.filter(({ on }) => on === side).map((one, i) => requirement(compile(one, false), i, options)),
      ...options.rules
        .filter(({ on }) => on === side)
        .map((one) => compileRule(one, compile(one, one.then === 'refuse'))),
    ]
    const asking = rulesOn('request')
    const answering = rulesOn('response')
    const pipe: Pipe = {}
    const looksInside = options.bodyBytes > 0
    if (asking.length > 0 || looksInside)
      pipe.onRequest = (x) => {
        const reply = run(asking, x, undefined)
        // An answer with a content coding has no data.
        if (looksInside) x.headers.delete('accept-encoding')
        return reply
      }
    if (answering.length > 0) pipe.onResponse = (x, answer) => run(answering, x, answer)
    return pipe
  },
})

function run(rules: readonly Rule[], x: PipeExchange, answer: AnswerHead | undefined): Reply | undefined {
  for (const rule of rules) {
    const result = rule(x, answer)
    if (result !== undefined) return result === true ? undefined : result
  }
  return undefined
}

/** A requirement without a value does not hold. */
function requirement(condition: Condition, index: number, { dialect, status, detail }: ExpressionOptions): Rule {
  // The words of KrakenD, which imported configs keep: it counts those before and those behind the call by themselves.
  const text = detail ?? (dialect === 'krakend' ? `request aborted by evaluator #${index}` : 'this is not allowed')
  const headers = { 'Content-Type': 'text/plain; charset=utf-8' }
  return (x, answer) => {
    if (condition(x, answer)) return undefined
    return dialect === 'krakend'
      ? { status, headers, body: text, error: 'forbidden' }
      : refuse(x, 'forbidden', text, {}, { status })
  }
}

function compileRule(rule: ExpressionRule, condition: Condition): Rule {
  switch (rule.then) {
    case 'pass':
      return (x, answer) => (condition(x, answer) ? true : undefined)
    case 'refuse': {
      const { status, detail } = rule
      return (x, answer) => (condition(x, answer) ? refuse(x, 'forbidden', detail, {}, { status }) : undefined)
    }
    case 'send': {
      const { service } = rule
      return (x, answer) => void (condition(x, answer) && x.sendTo(service))
    }
    case 'set': {
      const set = Object.entries(rule.headers).map(([name, value]) => ({ name, value: [value] }))
      const edit = compileEdits({ rename: [], remove: [], set, add: [] })
      return (x, answer) => void (condition(x, answer) && edit?.(x, answer?.headers ?? x.headers))
    }
  }
}
