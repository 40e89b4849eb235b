// W3C Trace Context, level 1: which `traceparent` is believed, and a new one where there is none. On the path of every request.
import { randomBytes } from 'node:crypto'

export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits: the caller's span. */
  readonly parentId: string
  readonly sampled: boolean
}

const LENGTH = 55
// Lower case only; ids are not zeros alone; version `ff` is none; later versions may have more after what is known.
const FORMAT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:$|-)/

/**
 * Whether `value` is a traceparent. Whoever gets one that is not, or two field lines of that name, takes no part of them on, nor
 * of `tracestate`, and begins a trace of its own.
 */
export function isTraceparent(value: string): boolean {
  return FORMAT.test(value) && (value.length === LENGTH || !value.startsWith('00'))
}

/** Undefined for what `isTraceparent` refuses. */
export function parseTraceparent(value: string): TraceParent | undefined {
  if (!isTraceparent(value)) return undefined
  // Of the flags the lowest bit alone has a meaning.
  return {
    traceId: traceIdOf(value),
    parentId: value.slice(36, 52),
    sampled: (parseInt(value.charAt(54), 16) & 1) === 1,
  }
}

/** The trace id of a value that is a traceparent. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35)
}

/**
 * A traceparent for a trace that begins here: one half of the trace's id tells the process, the other is drawn, and is the span's
 * id, too. No call of a generator for each: of a drawn half the first three digits run through all their values before the
 * others are drawn anew, in an order that spreads them evenly, for it is by those that others sample.
 */
export function newTraceparent(sampled: boolean): string {
  if (left === 0) draw()
  const digits = DIGITS[(--left * STRIDE) & LAST] as string
  return PREFIX + digits + middle + digits + (sampled ? endSampled : end)
}

export function newTraceId(): string {
  return PROCESS + newSpanId()
}

/** 16 hexadecimal digits, not all of them 0. */
export function newSpanId(): string {
  if (left === 0) draw()
  return (DIGITS[(--left * STRIDE) & LAST] as string) + block
}

const LAST = 0xfff
/** Odd, so that every value comes once. */
const STRIDE = 2741
const DIGITS: readonly string[] = Array.from({ length: LAST + 1 }, (_, n) => n.toString(16).padStart(3, '0'))

const PROCESS = randomHex(16)
const PREFIX = `00-${PROCESS}`

/** Ids that can still be made of this block. */
let left = 0
let block = ''
let middle = ''
let end = ''
let endSampled = ''

function draw(): void {
  left = LAST + 1
  block = randomHex(13)
  middle = `${block}-`
  end = `${block}-00`
  endSampled = `${block}-01`
}

/** Not zeros alone, which would be no id. */
function randomHex(length: number): string {
  const hex = randomBytes(8).toString('hex').slice(0, length)
  return /[^0]/.test(hex) ? hex : randomHex(length)
}
