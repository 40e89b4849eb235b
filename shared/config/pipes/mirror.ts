// The options of `mirror`.
import { z } from 'zod'
import type { Fault } from '../problem.js'
import { readMs } from '../normalise/context.js'
import { count, durations, nonEmpty, POSITIVE_TIMER, size, text } from '../schema/fields.js'
import { fieldNameFault, methodFault } from '../text/http.js'
import { sizeBytes } from '../text/size.js'
import { builtIn } from './builtin.js'
import { part, readPart } from './traffic.js'

export interface MirrorOptions {
  readonly target: { readonly service: string } | { readonly url: string }
  /** 0 to 1. */
  readonly share: number
  readonly methods: readonly string[]
  /** Requests with a longer body are not mirrored. */
  readonly bodyBytes: number
  /** Copies under way at once, per worker. */
  readonly inFlight: number
  readonly timeoutMs: number
  /** In lower case: fields that copies do not have. */
  readonly without: readonly string[]
}

const SAFE = ['GET', 'HEAD', 'OPTIONS']
const TIMEOUT_MS = 5000
/** What tells who a client is: a URL may be anybody's. */
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization']

function urlFault(given: string): Fault | undefined {
  const hint = 'such as http://127.0.0.1:9400 or https://shadow.example.org/base'
  if (!/^https?:\/\/[^/?#@\s]+(?:\/[\x21-\x7e]*)?$/.test(given) || !URL.canParse(given))
    return { message: 'must be a URL with http:// or https://, a host, and no user', hint }
  return /[?#]/.test(given) ? { message: 'a base has no query and no fragment', hint } : undefined
}

const schema = z.strictObject({
  service: nonEmpty().optional().meta({ description: 'Service that gets the copies.' }),
  url: text(urlFault)
    .optional()
    .meta({ description: 'In place of a service: where copies go, path and query behind it.' }),
  share: part().optional().meta({ description: 'Share of the requests: 0 to 1, or text such as "10%".', default: 1 }),
  methods: z
    .array(text(methodFault))
    .min(1)
    .optional()
    .meta({ description: 'Methods that are mirrored.', default: SAFE }),
  body: size(0, 64 * 1024 * 1024)
    .optional()
    .meta({ description: 'Requests with a longer body are not mirrored.', default: '64KiB' }),
  in_flight: count(1, 10_000)
    .optional()
    .meta({ description: 'Copies under way at once, per worker; beyond it there is none.', default: 100 }),
  ...durations('timeout', 'How long a copy may take.', POSITIVE_TIMER, TIMEOUT_MS),
  without: z.array(text(fieldNameFault)).optional().meta({
    description: 'Fields that copies do not have. Without it, a `url` gets no credentials: authorization, cookie.',
  }),
})

export const mirror = builtIn({
  name: 'mirror',
  description: 'Sends a copy of requests elsewhere and ignores what comes back.',
  schema,
  read(draft, path, context): MirrorOptions {
    const { report, services } = context
    const { service, url } = draft
    if (service !== undefined && url !== undefined)
      report.fault([...path, 'url'], { message: '"service" is there too', hint: 'keep one of the two' }, 'key')
    else if (service !== undefined) services.use(service, [...path, 'service'])
    else if (url === undefined && !report.has([...path, 'url']) && !report.has([...path, 'service']))
      report.fault(path, 'a mirror needs "service" or "url"', 'key')
    return {
      target: url === undefined ? { service: service ?? '' } : { url: url.replace(/\/$/, '') },
      share: readPart(draft.share) ?? 1,
      methods: draft.methods?.filter((method) => method !== undefined) ?? SAFE,
      bodyBytes: sizeBytes(draft.body ?? 64 * 1024) ?? 0,
      inFlight: draft.in_flight ?? 100,
      timeoutMs: readMs(draft, 'timeout', path, context) ?? TIMEOUT_MS,
      without: (draft.without ?? (url === undefined ? [] : CREDENTIALS)).flatMap((name) =>
        name === undefined ? [] : [name.toLowerCase()],
      ),
    }
  },
})
