// The options of `not-found`.
import { z } from 'zod'
import { builtIn } from './builtin.js'
import { pageKeys, readBodies, type PageBodies } from './pages.js'

export interface NotFoundOptions {
  readonly bodies: PageBodies
  /** Whether an instance's own 404 is replaced, too. */
  readonly instances: boolean
}

const schema = z.strictObject({
  ...pageKeys,
  instances: z
    .boolean()
    .optional()
    .meta({ description: 'Whether a 404 of a service is replaced, too.', default: false }),
})

export const notFound = builtIn({
  name: 'not-found',
  description: 'A page for requests that no route takes.',
  schema,
  read(draft, path, context): NotFoundOptions {
    return { bodies: readBodies(draft, path, context), instances: draft.instances ?? false }
  },
})
