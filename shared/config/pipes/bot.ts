// Options of `bot`: which programs may ask, by what they call themselves.
import { z } from 'zod'
import { nonEmpty, oneOf, text } from '../schema/fields.js'
import { listed, refusal } from './auth-fields.js'
import { builtIn } from './builtin.js'
import { linearPatternFault, linearPatternsFault } from './linear-pattern.js'

/** Plain JSON data. */
export interface BotOptions {
  /** Whole values of User-Agent. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly patterns: readonly string[]
  /** Whether a request without a name may pass. */
  readonly allowsEmpty: boolean
  readonly refusal: 'problem' | 'empty'
}

const schema = z.strictObject({
  allow: z.array(nonEmpty()).min(1).optional().meta({ description: 'Whole values of User-Agent that pass.' }),
  deny: z.array(nonEmpty()).min(1).optional().meta({ description: 'Whole values of User-Agent that do not.' }),
  patterns: z
    .array(text(linearPatternFault))
    .min(1)
    .optional()
    .meta({ description: 'Who matches one of them does not pass, unless `allow` has it.' }),
  empty: oneOf(['allow', 'deny'])
    .optional()
    .meta({ description: 'What holds for requests without User-Agent.', default: 'allow' }),
  refusal: refusal(),
})

export const bot = builtIn({
  name: 'bot',
  description: 'Refuses programs by what they call themselves in User-Agent.',
  schema,
  read(draft, path, { report }): BotOptions {
    const patterns = listed(draft.patterns)
    const fault = linearPatternsFault(patterns)
    if (fault && !report.has([...path, 'patterns'])) report.fault([...path, 'patterns'], fault)
    const told = ['deny', 'patterns', 'empty'].some((key) => report.has([...path, key]))
    if (draft.deny === undefined && patterns.length === 0 && draft.empty !== 'deny' && !told)
      report.warn(path, { message: 'nobody is refused', hint: 'give "deny", "patterns" or "empty: deny"' }, 'key')
    return {
      allow: listed(draft.allow),
      deny: listed(draft.deny),
      patterns,
      allowsEmpty: draft.empty !== 'deny',
      refusal: draft.refusal ?? 'problem',
    }
  },
})
