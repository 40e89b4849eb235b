// What a route of the full layout may hold.
import { z } from 'zod'
import { methodFault } from '../text/http.js'
import { hostPatternFault } from '../text/host.js'
import { count, nonEmpty, oneOf, sentFields, text } from './fields.js'
import { mergeKeys } from './merge.js'
import { pipes } from './pipe.js'
import { routeRetry } from './resilience.js'
import { apiPath, timeoutKeys } from './service.js'
import { upgrade } from './traffic.js'

const fieldMatch = z.record(
  z.string(),
  z.union([z.literal(true), z.string()], { error: 'must be text, or true where any value will do' }),
)

const host = text(hostPatternFault)
const method = text(methodFault)

const match = z
  .strictObject({
    host: z
      .union([host, z.array(host).min(1)], { error: 'must be a host or a list of hosts' })
      .optional()
      .meta({ description: 'Host or hosts; `*.example.org` takes any number of labels. Without it, every host.' }),
    methods: z
      .union([method, z.array(method).min(1)], { error: 'must be a method or a list of methods' })
      .optional()
      .meta({ description: 'Method or methods. Without it, every method.' }),
    path: apiPath.meta({ description: 'Path; `{name}` takes one segment, a last `*` one or more.' }),
    exact: z
      .boolean()
      .optional()
      .meta({ description: 'Whether the path takes itself only, and nothing below.', default: false }),
    headers: fieldMatch
      .optional()
      .meta({ description: 'Header fields that must be there: name to value, or to true.' }),
    query: fieldMatch
      .optional()
      .meta({ description: 'Query parameters that must be there: name to value, or to true.' }),
  })
  .meta({ id: 'Match', description: 'Which requests the route takes.' })

const fixed = z
  .strictObject({
    status: count(200, 599).optional().meta({ description: 'Status of the answer; required without `echo`.' }),
    headers: sentFields().optional().meta({ description: 'Header fields of the answer.' }),
    body: z.string().optional().meta({ description: 'Body of the answer.', default: '' }),
    echo: z
      .boolean()
      .optional()
      .meta({ description: 'Answers with what it was asked, in place of `body`.', default: false }),
  })
  .meta({ id: 'Fixed', description: 'One answer for every request.' })

export const route = z
  .strictObject({
    match,
    service: nonEmpty().optional().meta({ description: 'Service that answers.' }),
    fixed: fixed.optional(),
    ...mergeKeys,
    retry: routeRetry.optional(),
    ...timeoutKeys,
    importance: oneOf(['low', 'normal', 'high'])
      .optional()
      .meta({ description: 'Who is refused first when there is too much load: low.', default: 'normal' }),
    upgrade: upgrade.optional().meta({ description: "In place of the service's `upgrade`." }),
    listener: nonEmpty()
      .optional()
      .meta({ description: "Name of the listener that it is for; without it, the processor's own port." }),
    rewrite: nonEmpty()
      .optional()
      .meta({ description: 'Path to ask for in place of the one that came; the pipe `rewrite`, behind all others.' }),
    pipes,
  })
  .meta({ id: 'Route', description: 'A route: one of `service`, `merge` and `fixed`.' })
