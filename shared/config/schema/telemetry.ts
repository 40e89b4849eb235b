// What the request processor may be told about its access log and its traces.
import { z } from 'zod'
import { TRACING } from '../defaults.js'
import { receiverFault } from '../text/address.js'
import { orSwitch, sentFields, share, text } from './fields.js'

const accessLogBlock = z
  .strictObject({
    sample: share().optional().meta({
      description: 'Share of the requests that get a line; failed ones always do, unless it is 0.',
      default: 1,
    }),
  })
  .meta({ id: 'AccessLog', description: 'A line for each request.' })

export const accessLog = orSwitch(accessLogBlock, 'sample')

export const tracing = z
  .strictObject({
    endpoint: text(receiverFault).meta({
      description: 'URL of an OTLP/HTTP receiver of traces; without a path, /v1/traces.',
    }),
    sample: share().optional().meta({
      description: "Share of the traces begun here that are sent; a caller's own decision stands.",
      default: TRACING.sample,
    }),
    headers: sentFields()
      .optional()
      .meta({ description: 'Header fields for the receiver, such as its key; best given as ${VAR}.' }),
  })
  .meta({ id: 'Tracing', description: 'Where spans are sent.' })
