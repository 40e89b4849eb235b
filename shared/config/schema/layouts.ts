// The two layouts of the file as schemas.
import { z } from 'zod'
import { route } from './route.js'
import type { listener } from './listener.js'
import type { pipe } from './pipe.js'
import type { concurrency, routeRetry } from './resilience.js'
import { classicService, fullService, type polling, type timeoutKeys } from './service.js'
import { discovery, metaInfo, processor } from './settings.js'

const $schema = z.string().optional().meta({ description: 'Where the JSON Schema of this file is; for editors.' })

/** ServerPy's layout: services by name at the top, and `meta-info`. */
export const classicLayout = z
  .object({ $schema, 'meta-info': metaInfo.optional() })
  .catchall(classicService)
  .meta({ id: 'Classic', description: 'Classic layout: service names at the top.' })

export const fullLayout = z
  .strictObject({
    $schema,
    version: z.literal(1).meta({ description: 'Version of this layout: 1.' }),
    discovery: discovery.optional(),
    processor: processor.optional(),
    services: z.record(z.string(), fullService).meta({ description: 'Services by name.' }),
    routes: z
      .array(route)
      .optional()
      .meta({ description: "Routes beside the services' `apis`; of two that match the same, the last wins." }),
  })
  .meta({ id: 'Full', description: 'Full layout.' })

export type FullInput = z.input<typeof fullLayout>
export type ServiceInput = z.input<typeof fullService>
export type PollingInput = z.input<typeof polling>
export type DiscoveryInput = z.input<typeof discovery>
export type ProcessorInput = z.input<typeof processor>
export type MetaInfoInput = z.input<typeof metaInfo>
export type RouteInput = z.input<typeof route>
export type PipeInput = z.input<typeof pipe>
export type ListenerInput = z.input<typeof listener>
export type RouteRetryInput = z.input<typeof routeRetry>
export type ConcurrencyInput = z.input<typeof concurrency>
export type TimeoutInput = z.input<z.ZodObject<typeof timeoutKeys>>
