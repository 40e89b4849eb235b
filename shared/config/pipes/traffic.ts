// Values that several pipes which split traffic have in common: shares, and what clients are told apart by.
import { z } from 'zod'
import type { Fault } from '../problem.js'
import { text } from '../schema/fields.js'
import { cookieNameFault, fieldNameFault } from '../text/http.js'

const PERCENT = /^(\d{1,3}(?:\.\d+)?)\s*%$/

/** A part of all requests: 0 to 1, or a text such as "10%". */
export function part() {
  const spelled = text((value) => {
    const read = readPart(value)
    if (read === undefined) return { message: 'not a share', hint: 'such as 0.1 or "10%"' }
    return read > 1 ? { message: 'must be at most 100%' } : undefined
  }).meta({ pattern: PERCENT.source })
  const fraction = z
    .number()
    .min(0)
    .check((context) => {
      if (context.value <= 1) return
      const hint = `"${context.value}%" for percent`
      context.issues.push({ code: 'custom', message: 'must be at most 1', params: { hint }, input: context.value })
    })
    .meta({ maximum: 1 })
  return z.union([fraction, spelled], { error: 'must be a share: 0 to 1, or text such as "10%"' })
}

/** 0 to 1 of what has passed the schema. */
export function readPart(given: number | string | undefined): number | undefined {
  if (typeof given !== 'string') return given
  const [, percent] = PERCENT.exec(given) ?? []
  return percent === undefined ? undefined : Number(percent) / 100
}

/** What the answer to one client's requests stays the same by. */
export type StickyKey = { readonly by: 'cookie' | 'ip' | 'none' } | { readonly by: 'header'; readonly name: string }

const HINT = 'cookie, ip, header:NAME or none'

export function stickyKey() {
  return text((value): Fault | undefined => {
    if (value === 'cookie' || value === 'ip' || value === 'none') return undefined
    if (!value.startsWith('header:')) return { message: `must be one of ${HINT}` }
    return fieldNameFault(value.slice('header:'.length))
  })
}

export function readStickyKey(given: string | undefined): StickyKey {
  if (given?.startsWith('header:')) return { by: 'header', name: given.slice('header:'.length).toLowerCase() }
  return { by: given === 'ip' || given === 'none' ? given : 'cookie' }
}

export const fieldName = () => text(fieldNameFault)
export const cookieName = () => text(cookieNameFault)
