// The options of `fault`.
import { z } from 'zod'
import { durationMs } from '../text/duration.js'
import { count, duration } from '../schema/fields.js'
import { builtIn } from './builtin.js'
import { fieldName, part, readPart } from './traffic.js'

export interface FaultOptions {
  readonly delay?: { readonly leastMs: number; readonly mostMs: number }
  /** Status of the answer that takes the place of the service's. */
  readonly abort?: number
  /** 0 to 1. */
  readonly share: number
  /** Only requests with this field. */
  readonly header?: { readonly name: string; readonly value?: string }
}

/** Longer ones than any client waits for help nobody. */
const DELAY = { shortestMs: 0, longestMs: 600_000 }

const schema = z.strictObject({
  delay: z
    .union([duration(DELAY), z.strictObject({ from: duration(DELAY), to: duration(DELAY) })], {
      error: 'must be a duration, or an object with from and to',
    })
    .optional()
    .meta({ description: 'How long requests wait: a duration, or any between `from` and `to`.' }),
  abort: count(200, 599).optional().meta({ description: 'Status to answer with in place of the service.' }),
  share: part().optional().meta({ description: 'Share of the requests: 0 to 1, or text such as "10%".', default: 1 }),
  header: fieldName().optional().meta({ description: 'Only requests that have this field.' }),
  value: z.string().optional().meta({ description: 'And have this value in it.' }),
})

export const fault = builtIn({
  name: 'fault',
  description: 'Delays or aborts requests, to test what becomes of their clients.',
  schema,
  read(draft, path, { report }): FaultOptions {
    const { delay, abort, header, value } = draft
    if (
      delay === undefined &&
      abort === undefined &&
      !report.has([...path, 'delay']) &&
      !report.has([...path, 'abort'])
    )
      report.fault(path, 'a fault needs "delay" or "abort"', 'key')
    if (value !== undefined && header === undefined)
      report.fault([...path, 'value'], { message: '"header" is missing beside it' }, 'key')
    const [from, to] = typeof delay === 'object' ? [delay.from, delay.to] : [delay, delay]
    const leastMs = from === undefined ? 0 : (durationMs(from) ?? 0)
    const mostMs = to === undefined ? leastMs : (durationMs(to) ?? 0)
    if (mostMs < leastMs) report.fault([...path, 'delay', 'to'], '"to" is shorter than "from"')
    return {
      ...(delay !== undefined && { delay: { leastMs, mostMs } }),
      ...(abort !== undefined && { abort }),
      share: readPart(draft.share) ?? 1,
      ...(header !== undefined && { header: { name: header, ...(value !== undefined && { value }) } }),
    }
  },
})
