// The two layouts of the file as schemas, and the JSON Schema that editors read.
import { z } from 'zod'
import { route } from './route.js'
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
export type RouteRetryInput = z.input<typeof routeRetry>
export type ConcurrencyInput = z.input<typeof concurrency>
export type TimeoutInput = z.input<z.ZodObject<typeof timeoutKeys>>

/** JSON Schema (draft 2020-12) of a config file in either layout. */
export function jsonSchema(): Record<string, unknown> {
  const layouts = z.union([fullLayout, classicLayout])
  const {
    anyOf: _,
    $defs,
    ...schema
  } = z.toJSONSchema(layouts, { io: 'input', override: ({ jsonSchema }) => allowVariable(jsonSchema) })
  return {
    ...schema,
    title: 'serverpy config',
    if: { type: 'object', required: ['version'] },
    then: { $ref: '#/$defs/Full' },
    else: { $ref: '#/$defs/Classic' },
    $defs: {
      ...$defs,
      Variable: { type: 'string', pattern: '\\$\\{[^}]+\\}', description: 'Text with a ${VARIABLE}.' },
    },
  }
}

const NUMBERS = new Set<unknown>(['number', 'integer', 'boolean'])

/** Where the file may say `${PORT}`, an editor must not ask for a number. */
function allowVariable(schema: z.core.JSONSchema.BaseSchema): void {
  if ('const' in schema || !(NUMBERS.has(schema.type) || schema.pattern !== undefined || schema.enum)) return
  const { description, default: fallback, ...own } = schema
  for (const key of Object.keys(schema)) delete schema[key]
  Object.assign(schema, description !== undefined && { description }, fallback !== undefined && { default: fallback })
  schema.anyOf = [own as z.core.JSONSchema.JSONSchema, { $ref: '#/$defs/Variable' }]
}
