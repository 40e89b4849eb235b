// What a route says that answers with several requests put together.
import { z } from 'zod'
import { fieldNameFault, methodFault } from '../text/http.js'
import { templateFault } from '../text/template.js'
import { count, durations, nonEmpty, oneOf, POSITIVE_TIMER, size, text, TIMER } from './fields.js'

/** More requests at once for one of a client's would be a weapon in its hands. */
const MOST_PARTS = 64
const MOST_CALLS = 16
const MOST_RATE = 1_000_000_000

const fieldName = text(fieldNameFault)
const names = z.array(nonEmpty())

const input = {
  input_headers: z
    .array(z.union([z.literal('*'), fieldName], { error: 'must be the name of a header field, or "*"' }))
    .optional()
    .meta({ description: 'Header fields of the client that pass; `*` lets all pass. Without it, all.' }),
  input_query_strings: names
    .optional()
    .meta({ description: 'Query parameters of the client that pass; `*` lets all pass. Without it, all.' }),
}

const calls = count(1, MOST_CALLS)

const step = z
  .strictObject({
    type: oneOf(['move', 'append', 'del']).meta({ description: 'What is done.' }),
    args: z
      .array(nonEmpty())
      .min(1)
      .max(100)
      .meta({ description: 'From where and to where, for `del` all that goes: names with dots; `*` takes any.' }),
  })
  .meta({ id: 'FlatmapStep', description: 'A change in the shape of the data.' })

const flatmap = z.array(step).max(100).optional()

const rate = z
  .strictObject({
    rate: z.number().positive().max(MOST_RATE).meta({ description: 'Requests per `period`.' }),
    ...durations('period', 'The time that `rate` is for.', POSITIVE_TIMER, 1000),
    burst: count(1, MOST_RATE).optional().meta({ description: 'Requests that may come at once; `rate` unless given.' }),
  })
  .meta({ id: 'PartRate', description: 'How often a part is asked at most.' })

const details = z.union([z.boolean(), nonEmpty()], { error: 'must be a name, or false' })

const part = z
  .strictObject({
    service: nonEmpty().meta({ description: 'Service that is asked.' }),
    path: text(templateFault).meta({
      description: 'Path and query; `{name}` of the route, `{JWT.claim}`, in sequence `{resp0_field}`.',
    }),
    method: text(methodFault).optional().meta({ description: "Method. Without it, the client's own." }),
    encoding: oneOf(['json', 'safejson', 'string', 'xml', 'rss', 'no-op'])
      .optional()
      .meta({ description: 'How its answer is read.', default: 'json' }),
    is_collection: z
      .boolean()
      .optional()
      .meta({ description: 'Whether its answer is a list, which becomes `collection`.', default: false }),
    target: nonEmpty().optional().meta({ description: 'Field whose object is taken in place of the whole.' }),
    allow: names.optional().meta({ description: 'Fields that are kept; all others go.' }),
    deny: names.optional().meta({ description: 'Fields that go. Of no use beside `allow`.' }),
    mapping: z.record(z.string(), nonEmpty()).optional().meta({ description: 'New names of fields at the top.' }),
    flatmap: flatmap.meta({ description: 'Changes in the shape, in place of `allow`, `deny` and `mapping`.' }),
    group: nonEmpty().optional().meta({ description: 'Name under which its data stand.' }),
    ...input,
    redirects: count(0, 20)
      .optional()
      .meta({ description: 'Redirects within the service that are followed.', default: 10 }),
    return_error_code: z
      .boolean()
      .optional()
      .meta({ description: 'Whether the status of a failure is passed on, where the part is alone.', default: false }),
    return_error_details: details
      .optional()
      .meta({ description: 'Name: a failure becomes data under `error_NAME`.', default: false }),
    shadow: z
      .boolean()
      .optional()
      .meta({ description: 'Whether its answer is thrown away, and nobody waits for it.', default: false }),
    concurrent_calls: calls.optional().meta({ description: "In place of the route's." }),
    ...durations('timeout', 'For this part, at most.', POSITIVE_TIMER),
    rate_limit: rate.optional().meta({
      description: 'How often it is asked at most, by all workers of the machine: beyond that it fails.',
    }),
    require: z.array(nonEmpty()).max(100).optional().meta({
      description: 'Conditions in CEL: where one does not hold the part fails.',
    }),
    dialect: oneOf(['serverpy', 'krakend'])
      .optional()
      .meta({ description: "Variables of `require`: this product's, or KrakenD's.", default: 'serverpy' }),
    cache: z
      .union([z.boolean(), size(1024, 2 ** 30)], { error: 'must be true, false, or a size' })
      .optional()
      .meta({ description: 'Bytes of answers kept while they say that they are fresh; true: 8MiB.', default: false }),
    answer_size: size(1, 2 ** 30)
      .optional()
      .meta({ description: 'Longest answer; a longer one is a failure.', default: '10MiB' }),
  })
  .meta({ id: 'Part', description: 'One request to a service.' })

const fixedData = z
  .strictObject({
    data: z.record(z.string(), z.unknown()).meta({ description: 'Fields, as they are in the answer.' }),
    strategy: oneOf(['always', 'success', 'errored', 'complete', 'incomplete'])
      .optional()
      .meta({ description: 'When they are laid over the answer.', default: 'always' }),
  })
  .meta({ id: 'StaticData', description: 'Fields that are laid over the answer.' })

/** Keys of a route that has `merge`. */
export const mergeKeys = {
  merge: z
    .array(part)
    .min(1)
    .max(MOST_PARTS)
    .optional()
    .meta({ description: 'Requests whose answers are put together.' }),
  sequential: z
    .boolean()
    .optional()
    .meta({ description: 'Whether they go one after the other instead of at once.', default: false }),
  sequential_propagated_params: names
    .optional()
    .meta({ description: 'Of no use: every later part may name any earlier answer in its path.' }),
  concurrent_calls: calls
    .optional()
    .meta({ description: 'Requests at once for each part: the first whole answer counts.', default: 1 }),
  output: oneOf(['json', 'json-collection', 'string', 'xml', 'yaml', 'negotiate', 'no-op'])
    .optional()
    .meta({ description: 'How the answer is written.', default: 'json' }),
  static: fixedData.optional(),
  flatmap: flatmap.meta({ description: 'Changes in the shape of what the parts brought.' }),
  ...input,
  ...durations('cache_ttl', 'How long caches may keep a whole answer; 0 says nothing to them.', TIMER, 0),
  completed: fieldName
    .optional()
    .meta({ description: 'Field that says whether the answer is whole.', default: 'Serverpy-Completed' }),
  return_error_msg: z
    .boolean()
    .optional()
    .meta({ description: 'Whether an answer that fails says why, as plain text.', default: false }),
  forwarding: oneOf(['native', 'strict']).optional().meta({
    description: "`strict`: services get what is listed, the client's address and host, and nothing else.",
    default: 'native',
  }),
  request_size: size(1, 2 ** 30)
    .optional()
    .meta({ description: "Longest body of a client's request; a longer one is refused.", default: '1MiB' }),
}

export type MergeInput = z.input<z.ZodObject<typeof mergeKeys>>
export type PartInput = NonNullable<MergeInput['merge']>[number]
export type StepInput = NonNullable<MergeInput['flatmap']>[number]
