// The kinds of values that the schema is made of: each says its type, its bounds and its own words for what is wrong.
import { z } from 'zod'
import type { Fault } from '../problem.js'
import { cronFault, looksLikeCron } from '../text/cron.js'
import { DURATION_PATTERN, durationFault, durationMs, spanFault, type Span } from '../text/duration.js'
import { fieldValueFault, statusFault } from '../text/http.js'
import { looksLikeQuantile, QUANTILE_PATTERN, quantileFault } from '../text/quantile.js'
import { SIZE_PATTERN, sizeFault } from '../text/size.js'

/** Text that passes `check`. */
export function text(check?: (text: string) => Fault | undefined): z.ZodString {
  return check ? z.string().check((context) => push(context, check(context.value))) : z.string()
}

function push(context: { value: unknown; issues: unknown[] }, fault: Fault | undefined): void {
  if (!fault) return
  context.issues.push({ code: 'custom', message: fault.message, params: { hint: fault.hint }, input: context.value })
}

export function nonEmpty(): z.ZodString {
  return text((value) => (value.trim() === '' ? { message: 'must not be empty' } : undefined))
}

/** Longer than this, Node's timers cannot wait in one piece. */
export const LONGEST_TIMER_MS = 24 * 86_400_000
export const TIMER: Span = { shortestMs: 0, longestMs: LONGEST_TIMER_MS }
export const POSITIVE_TIMER: Span = { shortestMs: 1, longestMs: LONGEST_TIMER_MS }

const durationNumber = (span: Span) =>
  z.number().check((context) => push(context, spanFault(durationMs(context.value) ?? 0, span)))

export function duration(span: Span) {
  const spelled = text((value) => durationFault(value, span)).meta({ pattern: DURATION_PATTERN })
  return z.union([durationNumber(span).meta({ minimum: 0 }), spelled], {
    error: 'must be a duration: a number of seconds, or text with a unit',
  })
}

/** A duration, or a cron expression. */
export function schedule(span: Span) {
  const spelled = text((value) => (looksLikeCron(value) ? cronFault(value) : durationFault(value, span))).meta({
    pattern: `${DURATION_PATTERN}|^\\s*\\S+(\\s+\\S+){4,5}\\s*$`,
  })
  return z.union([durationNumber(span).meta({ minimum: 0 }), spelled], {
    error: 'must be a duration or a cron expression',
  })
}

/** A duration, or a quantile such as p95. */
export function durationOrQuantile(span: Span) {
  const spelled = text((value) => (looksLikeQuantile(value) ? quantileFault(value) : durationFault(value, span))).meta({
    pattern: `${DURATION_PATTERN}|${QUANTILE_PATTERN}`,
  })
  return z.union([durationNumber(span).meta({ minimum: 0 }), spelled], {
    error: 'must be a duration or a quantile such as p95',
  })
}

export const cron = () => text(cronFault)

export function size(least: number, most = 2 ** 40) {
  const spelled = text((value) => sizeFault(value, least, most)).meta({ pattern: SIZE_PATTERN })
  return z.union([z.int().min(least).max(most), spelled], {
    error: 'must be a size: a whole number of bytes, or text with a unit',
  })
}

type DurationKeys<K extends string, D extends z.ZodType> = Record<K, z.ZodOptional<D>> &
  Record<`${K}_ms`, z.ZodOptional<z.ZodNumber>>

/** Two keys for one span of time: `key` as `value` says, `key_ms` in milliseconds. */
export function withMs<K extends string, D extends z.ZodType>(
  key: K,
  value: D,
  span: Span,
  about: { description: string; default?: unknown },
): DurationKeys<K, D> {
  const ms = z.number().check((context) => push(context, spanFault(context.value, span)))
  return {
    [key]: value.optional().meta(about),
    [`${key}_ms`]: ms.optional().meta({ description: `The same as \`${key}\`, in milliseconds.`, minimum: 0 }),
  } as DurationKeys<K, D>
}

/** A duration in both forms; `defaultMs` is what holds without it. */
export function durations<K extends string>(key: K, description: string, span: Span, defaultMs?: number) {
  const about = defaultMs === undefined ? { description } : { description, default: defaultMs / 1000 }
  return withMs(key, duration(span), span, about)
}

/** One text of a few. */
export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values)
}

export function count(min: number, max: number): z.ZodInt {
  return z.int().min(min).max(max)
}

/** A part of a whole. */
export function share(): z.ZodNumber {
  return z.number().min(0).max(1)
}

/** A part of a whole that is more than nothing; `hint` says how to have none. */
export function someShare(hint: string): z.ZodNumber {
  return z
    .number()
    .max(1)
    .check((context) => push(context, context.value > 0 ? undefined : { message: 'must be above 0', hint }))
    .meta({ exclusiveMinimum: 0 })
}

const status = z.union([count(100, 599), text(statusFault)], { error: 'must be a status: 200, "200-299" or "2xx"' })

/** One status or range, or a list of them. */
export function statuses() {
  return z.union([status, z.array(status).min(1)], { error: 'must be a status or a list of them' })
}

/** Header fields that are sent: name to value. */
export function sentFields() {
  return z.record(z.string(), text(fieldValueFault))
}

/** A block of settings, or one word: `true` for the block with nothing in it, `false` for none. */
export function orSwitch<B extends z.ZodType>(block: B, holds: string) {
  return z.union([z.boolean(), block], { error: `must be true, false, or an object with ${holds}` })
}

/** A key that is known, and belongs elsewhere. */
export function misplaced(message: string, hint: string) {
  return z
    .unknown()
    .check((context) => push(context, { message, hint }))
    .optional()
    .meta({ description: `Not here: ${hint}.`, not: {} })
}
