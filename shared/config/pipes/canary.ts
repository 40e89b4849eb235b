// The options of `canary`.
import { z } from 'zod'
import { readMs } from '../normalise/context.js'
import { durations, nonEmpty } from '../schema/fields.js'
import { builtIn } from './builtin.js'
import { cookieName, fieldName, part, readPart, readStickyKey, stickyKey, type StickyKey } from './traffic.js'

export interface CanaryOptions {
  readonly service: string
  /** 0 to 1. */
  readonly share: number
  readonly sticky: StickyKey
  readonly cookie: SplitCookie
  readonly override: { readonly header?: string; readonly cookie?: string }
  /** Field of the answer that says `canary` or `stable`. */
  readonly answerHeader?: string
}

export interface SplitCookie {
  readonly name: string
  /** Undefined: as long as the browser's session. */
  readonly maxAgeSeconds?: number
}

const AGE = { shortestMs: 1000, longestMs: 400 * 86_400_000 }

/** Keys of pipes that split clients by a cookie. */
export const stickyKeys = (cookie: string) => ({
  sticky: stickyKey().optional().meta({
    description: 'What a client stays the same by: cookie, ip, header:NAME, or none.',
    default: 'cookie',
  }),
  cookie: cookieName().optional().meta({ description: 'Cookie that holds the choice.', default: cookie }),
  ...durations('max_age', 'How long clients keep the cookie; without it, as long as their session.', AGE),
})

const schema = z.strictObject({
  service: nonEmpty().meta({ description: 'Service that the share goes to.' }),
  share: part().meta({ description: 'Share of the clients: 0 to 1, or text such as "10%".' }),
  ...stickyKeys('serverpy_canary'),
  override: z
    .strictObject({
      header: fieldName().optional().meta({ description: 'Field of the request that decides: always or never.' }),
      cookie: cookieName().optional().meta({ description: 'Cookie that decides: always or never.' }),
    })
    .optional()
    .meta({ description: 'How a client chooses for itself.' }),
  answer_header: fieldName().optional().meta({ description: 'Field of the answer that says canary or stable.' }),
})

export const canary = builtIn({
  name: 'canary',
  description: 'Sends a share of the clients to another service, always the same ones.',
  schema,
  read(draft, path, context): CanaryOptions {
    const service = draft.service ?? ''
    if (service !== '') context.services.use(service, [...path, 'service'])
    const { header, cookie } = draft.override ?? {}
    const options = {
      service,
      share: readPart(draft.share) ?? 0,
      sticky: readStickyKey(draft.sticky),
      cookie: readCookie(draft.cookie ?? 'serverpy_canary', readMs(draft, 'max_age', path, context)),
      override: { ...(header !== undefined && { header }), ...(cookie !== undefined && { cookie }) },
      ...(draft.answer_header !== undefined && { answerHeader: draft.answer_header }),
    }
    if (options.sticky.by === 'cookie') {
      const { name } = options.cookie
      const named = draft.cookie !== undefined
      context.splits.push({ path, options, cookie: name, named, values: 'place', purpose: `canary ${service}` })
    }
    return options
  },
})

export function readCookie(name: string, maxAgeMs: number | undefined): SplitCookie {
  return { name, ...(maxAgeMs !== undefined && { maxAgeSeconds: Math.ceil(maxAgeMs / 1000) }) }
}
