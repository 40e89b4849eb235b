// Options of `krakend`: what clients of an imported KrakenD config have always seen.
import { z } from 'zod'
import { nonEmpty, oneOf } from '../schema/fields.js'
import { builtIn } from './builtin.js'

export interface KrakendOptions {
  /** Undefined: the pipe is about the answers of others. */
  readonly answer?: 'health' | 'debug' | 'echo'
  /** Answers that fail say why, as plain text. */
  readonly errorText: boolean
  /** Name of the field that says that an answer is not whole. */
  readonly completed: string
  /** Answers say which product this is. */
  readonly version: boolean
  /** Whole bodies in JSON in the place of the plain ones. */
  readonly notFound?: string
  readonly notAllowed?: string
  /** Clients are sent on where they err by a slash at the end, or by the case of letters. */
  readonly redirects: { readonly slash: boolean; readonly letters: boolean }
  /** Of the endpoints, with `{name}` for one segment. */
  readonly paths: readonly string[]
}

const schema = z.strictObject({
  answer: oneOf(['health', 'debug', 'echo'])
    .optional()
    .meta({ description: 'Answers every request itself, as `/__health`, `/__debug/` or `/__echo/` do.' }),
  return_error_msg: z
    .boolean()
    .optional()
    .meta({ description: 'Whether answers that fail say why, as plain text.', default: false }),
  completed: nonEmpty()
    .optional()
    .meta({ description: 'Field that says that an answer is not whole.', default: 'X-Krakend-Completed' }),
  version: z
    .boolean()
    .optional()
    .meta({ description: 'Whether answers have X-Krakend, with product and version.', default: true }),
  not_found: nonEmpty().optional().meta({ description: 'Body of a 404, in JSON.' }),
  not_allowed: nonEmpty().optional().meta({ description: 'Body of a 405, in JSON.' }),
  redirect_slash: z
    .boolean()
    .optional()
    .meta({ description: 'Whether a path with a slash too many or too few is redirected.', default: false }),
  redirect_letters: z
    .boolean()
    .optional()
    .meta({ description: 'Whether a path with other letters, in case, is redirected.', default: false }),
  paths: z.array(nonEmpty()).max(100_000).optional().meta({ description: 'Paths that requests are redirected to.' }),
})

export const krakend = builtIn({
  name: 'krakend',
  description: "Gives an imported gateway KrakenD's visible details.",
  schema,
  read(draft): KrakendOptions {
    const { answer, not_found: notFound, not_allowed: notAllowed } = draft
    return {
      ...(answer !== undefined && { answer }),
      errorText: draft.return_error_msg ?? false,
      completed: draft.completed ?? 'X-Krakend-Completed',
      version: draft.version ?? true,
      ...(notFound !== undefined && { notFound }),
      ...(notAllowed !== undefined && { notAllowed }),
      redirects: { slash: draft.redirect_slash ?? false, letters: draft.redirect_letters ?? false },
      paths: (draft.paths ?? []).filter((path) => path !== undefined),
    }
  },
})
