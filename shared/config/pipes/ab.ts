// The options of `ab`.
import { z } from 'zod'
import type { Fault } from '../problem.js'
import { readMs, texts } from '../normalise/context.js'
import { nonEmpty, text } from '../schema/fields.js'
import { fieldValueFault } from '../text/http.js'
import { builtIn } from './builtin.js'
import { readCookie, stickyKeys, type SplitCookie } from './canary.js'
import { checkFieldNames } from './field-names.js'
import { fieldName, readStickyKey, type StickyKey } from './traffic.js'

export interface AbOptions {
  readonly variants: readonly Variant[]
  readonly sticky: StickyKey
  readonly cookie: SplitCookie
  /** Fields that name the variant. */
  readonly requestHeader?: string
  readonly answerHeader?: string
}

export interface Variant {
  readonly name: string
  readonly weight: number
  /** Undefined: where the request goes anyway. */
  readonly service?: string
  readonly headers: Readonly<Record<string, string>>
}

const MOST_VARIANTS = 50

/** It stands in a cookie and in fields. */
function nameFault(name: string): Fault | undefined {
  return /^[\w.-]{1,64}$/.test(name)
    ? undefined
    : { message: 'a variant is named by letters, digits, "-", "_" and "."' }
}

const variant = z.strictObject({
  variant: text(nameFault).meta({ description: 'Name of the variant.' }),
  weight: z.number().min(0).max(1_000_000).optional().meta({ description: 'Its part of the clients.', default: 1 }),
  service: nonEmpty().optional().meta({ description: 'Service that its requests go to.' }),
  headers: z
    .record(z.string(), text(fieldValueFault))
    .optional()
    .meta({ description: 'Fields that its requests get.' }),
})

const schema = z.strictObject({
  variants: z.array(variant).min(2).max(MOST_VARIANTS).meta({ description: 'What clients are divided among.' }),
  ...stickyKeys('serverpy_ab'),
  request_header: fieldName().optional().meta({ description: 'Field of the request that names the variant.' }),
  answer_header: fieldName().optional().meta({ description: 'Field of the answer that names the variant.' }),
})

export const ab = builtIn({
  name: 'ab',
  description: 'Divides clients among variants, and keeps each with its own.',
  schema,
  read(draft, path, context): AbOptions {
    const { report } = context
    const seen = new Set<string>()
    const variants = (draft.variants ?? []).flatMap((one, i): Variant[] => {
      if (one?.variant === undefined) return []
      const at = [...path, 'variants', i]
      const key = one.variant.toLowerCase()
      if (seen.has(key)) report.fault([...at, 'variant'], 'there is a variant of this name before')
      seen.add(key)
      if (one.service !== undefined) context.services.use(one.service, [...at, 'service'])
      const names = Object.keys(one.headers ?? {})
      checkFieldNames(names, 'request', (name) => [...at, 'headers', name], 'key', context)
      return [
        {
          name: one.variant,
          weight: one.weight ?? 1,
          ...(one.service !== undefined && { service: one.service }),
          headers: texts(one.headers),
        },
      ]
    })
    if (variants.length > 0 && variants.every(({ weight }) => weight === 0))
      report.fault([...path, 'variants'], { message: 'no variant has a weight', hint: 'one must be above 0' })
    const options = {
      variants,
      sticky: readStickyKey(draft.sticky),
      cookie: readCookie(draft.cookie ?? 'serverpy_ab', readMs(draft, 'max_age', path, context)),
      ...(draft.request_header !== undefined && { requestHeader: draft.request_header }),
      ...(draft.answer_header !== undefined && { answerHeader: draft.answer_header }),
    }
    if (options.sticky.by === 'cookie') {
      const { name } = options.cookie
      const named = draft.cookie !== undefined
      const values = JSON.stringify(variants.map((one) => one.name).sort())
      context.splits.push({ path, options, cookie: name, named, values, purpose: `ab ${JSON.stringify(variants)}` })
    }
    return options
  },
})
