// The options of `error`.
import { z } from 'zod'
import { CODES, type Code } from '../../errors.js'
import { readStatuses } from '../normalise/context.js'
import { oneOf, statuses } from '../schema/fields.js'
import { builtIn } from './builtin.js'
import { pageKeys, readBodies, type PageBodies } from './pages.js'

export interface ErrorOptions {
  /** The first that fits counts. */
  readonly pages: readonly ErrorPage[]
  /** Whether failures that an instance answers with are replaced, too. */
  readonly instances: boolean
}

export interface ErrorPage {
  /** Inclusive ranges; empty: any. */
  readonly statuses: readonly (readonly [number, number])[]
  /** Empty: any. */
  readonly codes: readonly Code[]
  readonly bodies: PageBodies
}

const MOST_PAGES = 100
const code = oneOf(CODES as readonly [Code, ...Code[]])

const page = z.strictObject({
  status: statuses().optional().meta({ description: 'Statuses that it is for: 404, "500-599", "5xx", or a list.' }),
  code: z
    .union([code, z.array(code).min(1)], { error: 'must be a code of an error, such as no-instance, or a list' })
    .optional()
    .meta({ description: 'Codes of errors that it is for, such as no-instance; or a list.' }),
  ...pageKeys,
})

const schema = z.strictObject({
  pages: z.array(page).min(1).max(MOST_PAGES).meta({ description: 'Pages; the first that fits is sent.' }),
  instances: z
    .boolean()
    .optional()
    .meta({ description: 'Whether failures that a service answers with are replaced, too.', default: false }),
})

export const error = builtIn({
  name: 'error',
  description: 'Pages in the place of problems that the gateway tells of.',
  schema,
  read(draft, path, context): ErrorOptions {
    const pages = (draft.pages ?? []).flatMap((one, i): ErrorPage[] => {
      if (one === undefined) return []
      const codes = Array.isArray(one.code) ? one.code : [one.code]
      return [
        {
          statuses: readStatuses(one.status) ?? [],
          codes: codes.filter((known) => known !== undefined),
          bodies: readBodies(one, [...path, 'pages', i], context),
        },
      ]
    })
    return { pages, instances: draft.instances ?? false }
  },
})
