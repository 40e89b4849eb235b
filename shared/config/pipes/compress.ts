// The options of `compress`.
import { z } from 'zod'
import { count, oneOf, size, text } from '../schema/fields.js'
import { sizeBytes } from '../text/size.js'
import { builtIn } from './builtin.js'
import { mediaTypeFault } from './media-types.js'

export const CODINGS = ['zstd', 'br', 'gzip'] as const
export type Coding = (typeof CODINGS)[number]

export interface CompressOptions {
  /** Of those that a client takes equally well, the first is chosen. */
  readonly codings: readonly Coding[]
  readonly types: readonly string[]
  /** Shorter bodies are left as they are. */
  readonly leastBytes: number
  readonly levels: Readonly<Partial<Record<Coding, number>>>
  /** Answers that are compressed at once, per worker. */
  readonly atOnce: number
}

/** What is worth it: images, films and archives are compressed already. */
const TYPES = [
  'text/*',
  'application/json',
  '*+json',
  'application/javascript',
  'application/xml',
  '*+xml',
  'application/x-ndjson',
  'application/wasm',
  'image/svg+xml',
  'font/ttf',
  'font/otf',
]
const CHOICE = ['br', 'zstd', 'gzip'] as const

const schema = z.strictObject({
  codings: z
    .array(oneOf(CODINGS))
    .min(1)
    .optional()
    .meta({ description: 'Content codings, the preferred one first; zstd where Node has it.', default: [...CHOICE] }),
  types: z
    .array(text(mediaTypeFault))
    .min(1)
    .optional()
    .meta({ description: 'Media types of answers that are compressed, such as text/* or *+json.', default: TYPES }),
  min: size(0).optional().meta({ description: 'Shorter bodies are left as they are.', default: '1KiB' }),
  level: z
    .strictObject({
      br: count(0, 11).optional().meta({ description: 'Quality of br.', default: 4 }),
      gzip: count(1, 9).optional().meta({ description: 'Level of gzip.', default: 6 }),
      zstd: count(1, 19).optional().meta({ description: 'Level of zstd.', default: 3 }),
    })
    .optional()
    .meta({ description: 'How much work goes into each.' }),
  at_once: count(1, 100_000)
    .optional()
    .meta({ description: 'Answers compressed at once, per worker; beyond it they go as they are.', default: 500 }),
})

export const compress = builtIn({
  name: 'compress',
  description: 'Compresses answers for clients that take that.',
  schema,
  read(draft): CompressOptions {
    const { br, gzip, zstd } = draft.level ?? {}
    return {
      codings: draft.codings?.filter((coding) => coding !== undefined) ?? CHOICE,
      types: draft.types?.flatMap((type) => (type === undefined ? [] : [type.toLowerCase()])) ?? TYPES,
      leastBytes: sizeBytes(draft.min ?? 1024) ?? 0,
      levels: {
        ...(br !== undefined && { br }),
        ...(gzip !== undefined && { gzip }),
        ...(zstd !== undefined && { zstd }),
      },
      atOnce: draft.at_once ?? 500,
    }
  },
})
