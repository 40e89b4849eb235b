// The options of `expression`.
import { z } from 'zod'
import type { Path } from '../document.js'
import { texts, type Context, type Draft } from '../normalise/context.js'
import { count, nonEmpty, oneOf, size, text } from '../schema/fields.js'
import { fieldValueFault } from '../text/http.js'
import { sizeBytes } from '../text/size.js'
import { builtIn } from './builtin.js'
import { looksAtAnswer, readExpression, type Dialect } from './cel.js'
import { isFault } from './cel-uses.js'
import { checkFieldNames } from './field-names.js'

export interface ExpressionOptions {
  readonly dialect: Dialect
  /** In their order; one with `pass` or `refuse` is the last that is looked at. */
  readonly rules: readonly ExpressionRule[]
  /** All must hold. */
  readonly require: readonly Condition[]
  /** Of a refusal for what is required. */
  readonly status: number
  readonly detail?: string
  /** Bytes of the answer that are held for expressions that look into it; 0: none does. */
  readonly bodyBytes: number
}

export interface Condition {
  readonly expression: string
  /** When it is looked at. */
  readonly on: 'request' | 'response'
}

export type ExpressionRule = Condition &
  (
    | { readonly then: 'pass' }
    | { readonly then: 'refuse'; readonly status: number; readonly detail: string }
    | { readonly then: 'set'; readonly headers: Readonly<Record<string, string>> }
    | { readonly then: 'send'; readonly service: string }
  )

const MiB = 1024 * 1024
const MOST_RULES = 100

const status = () => count(400, 599).optional()

const rule = z.strictObject({
  if: nonEmpty().meta({ description: 'Condition in CEL.' }),
  pass: z.literal(true).optional().meta({ description: 'No later rule is looked at.' }),
  refuse: z
    .strictObject({
      status: status().meta({ description: 'Status of the refusal.', default: 403 }),
      detail: nonEmpty().optional().meta({ description: 'What the client is told.', default: 'this is not allowed' }),
    })
    .optional()
    .meta({ description: 'The request is refused; or the answer is replaced, where the condition looks at it.' }),
  set: z
    .record(z.string(), text(fieldValueFault))
    .optional()
    .meta({ description: 'Header fields of the request; or of the answer, where the condition looks at it.' }),
  send_to: nonEmpty().optional().meta({ description: 'Service that the request goes to.' }),
})

const schema = z.strictObject({
  dialect: oneOf(['serverpy', 'krakend'])
    .optional()
    .meta({ description: "Variables of the expressions: this product's, or KrakenD's.", default: 'serverpy' }),
  rules: z.array(rule).min(1).max(MOST_RULES).optional().meta({ description: 'What follows from which condition.' }),
  require: z
    .array(nonEmpty())
    .min(1)
    .max(MOST_RULES)
    .optional()
    .meta({ description: 'Conditions that must all hold; else the request is refused.' }),
  status: status().meta({ description: 'Status of a refusal for what is required; in KrakenD 500.', default: 403 }),
  detail: nonEmpty().optional().meta({ description: 'What the client is told then.' }),
  body: size(1, 64 * MiB)
    .optional()
    .meta({ description: 'Bytes of the answer that are held for expressions with resp_data.', default: '1MiB' }),
})

export const expression = builtIn({
  name: 'expression',
  description: 'Refuses, marks or sends elsewhere requests for which a condition in CEL holds.',
  schema,
  guards: ({ rules, require }: ExpressionOptions) => require.length > 0 || rules.some(({ then }) => then === 'refuse'),
  read(draft, path, context): ExpressionOptions {
    const dialect = draft.dialect ?? 'serverpy'
    const { report } = context
    if (draft.rules === undefined && draft.require === undefined && !report.has([...path, 'rules']))
      report.fault(path, 'an expression pipe needs "rules" or "require"', 'key')
    let looksInside = false
    const conditionAt = (given: string, at: Path): Condition => {
      const read = readExpression(given, dialect)
      if (isFault(read)) {
        report.fault(at, read)
        return { expression: given, on: 'request' }
      }
      looksInside ||= read.uses.whole.has('resp_data')
      return { expression: given, on: looksAtAnswer(read) ? 'response' : 'request' }
    }
    const rules = (draft.rules ?? []).flatMap((one, i): ExpressionRule[] => {
      if (one?.if === undefined) return []
      const at = [...path, 'rules', i]
      return readRule(one, conditionAt(one.if, [...at, 'if']), at, context)
    })
    const require = (draft.require ?? []).flatMap((one, i) =>
      one === undefined ? [] : [conditionAt(one, [...path, 'require', i])],
    )
    return {
      dialect,
      rules,
      require,
      status: draft.status ?? (dialect === 'krakend' ? 500 : 403),
      ...(draft.detail !== undefined && { detail: draft.detail }),
      bodyBytes: looksInside ? (sizeBytes(draft.body ?? MiB) ?? 0) : 0,
    }
  },
})

const ACTS = ['pass', 'refuse', 'set', 'send_to'] as const

function readRule(
  draft: Draft<z.input<typeof rule>>,
  condition: Condition,
  at: Path,
  context: Context,
): ExpressionRule[] {
  const { report } = context
  const acts = ACTS.filter((act) => draft[act] !== undefined)
  if (acts.length !== 1) {
    if (!ACTS.some((act) => report.has([...at, act])))
      report.fault(
        at,
        { message: 'a rule needs one of pass, refuse, set and send_to', hint: 'one rule, one act' },
        'key',
      )
    return []
  }
  const { refuse, set, send_to: service } = draft
  if (refuse !== undefined) {
    const detail = refuse.detail ?? 'this is not allowed'
    return [{ ...condition, then: 'refuse', status: refuse.status ?? 403, detail }]
  }
  if (set !== undefined) {
    checkFieldNames(Object.keys(set), condition.on, (name) => [...at, 'set', name], 'key', context)
    return [{ ...condition, then: 'set', headers: texts(set) }]
  }
  if (service === undefined) return [{ ...condition, then: 'pass' }]
  context.services.use(service, [...at, 'send_to'])
  if (condition.on === 'response')
    report.fault([...at, 'send_to'], 'the condition looks at the answer: the request has been sent by then', 'key')
  return [{ ...condition, then: 'send', service }]
}
