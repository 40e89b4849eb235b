// The options of `body-limit`.
import { z } from 'zod'
import { size } from '../schema/fields.js'
import { sizeBytes } from '../text/size.js'
import { builtIn } from './builtin.js'
import { mediaTypeFault } from './media-types.js'

export interface BodyLimitOptions {
  /** Of a request's body; undefined: only the types are limited. */
  readonly bytes?: number
  /** Media types in lower case, `image/*` for all of a kind; the first that fits counts. */
  readonly types: readonly (readonly [type: string, bytes: number])[]
}

const MOST = 2 ** 40

const schema = z.strictObject({
  bytes: size(0, MOST).optional().meta({ description: 'Most bytes of a request body.' }),
  types: z
    .record(z.string(), size(0, MOST))
    .optional()
    .meta({ description: 'Another limit for a media type, such as application/json or image/*.' }),
})

export const bodyLimit = builtIn({
  name: 'body-limit',
  description: 'Refuses requests with a body that is too long.',
  schema,
  read(draft, path, { report }): BodyLimitOptions {
    const types = Object.entries(draft.types ?? {}).flatMap(([type, given]): [string, number][] => {
      const fault = mediaTypeFault(type)
      if (fault) report.fault([...path, 'types', type], fault, 'key')
      const bytes = given === undefined ? undefined : sizeBytes(given)
      return bytes === undefined ? [] : [[type.toLowerCase(), bytes]]
    })
    const bytes = draft.bytes === undefined ? undefined : sizeBytes(draft.bytes)
    if (bytes === undefined && types.length === 0 && !report.has([...path, 'bytes']) && draft.types === undefined)
      report.fault(path, 'a limit needs "bytes" or "types"', 'key')
    // What names one type stands before what names all of a kind.
    types.sort(([a], [b]) => Number(a.endsWith('*')) - Number(b.endsWith('*')))
    return { ...(bytes !== undefined && { bytes }), types }
  },
})
