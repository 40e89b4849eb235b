// The shape of a cron expression: five fields, or six with seconds in front.
import type { Fault } from '../problem.js'

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly words?: readonly string[]
}

const FIELDS: readonly Field[] = [
  { name: 'second', min: 0, max: 59 },
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, words: 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ') },
  { name: 'day of the week', min: 0, max: 7, words: 'sun mon tue wed thu fri sat'.split(' ') },
]

const ITEM = /^(?:(\*)|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:\/(\d{1,2}))?$/i

/** Whether a text means a cron expression, right or wrong, rather than a duration. */
export function looksLikeCron(text: string): boolean {
  return text.includes('*') || text.trim().split(/\s+/).length > 2
}

/** With one space between the fields. */
export function plainCron(text: string): string {
  return text.trim().replace(/\s+/g, ' ')
}

export function cronFault(text: string): Fault | undefined {
  const parts = plainCron(text).split(' ')
  if (parts.length !== 5 && parts.length !== 6) {
    return {
      message: 'a cron expression has five fields, or six with seconds in front',
      hint: 'such as "*/5 * * * * *"',
    }
  }
  const fields = FIELDS.slice(FIELDS.length - parts.length)
  const values = fields.map((field, i) => valuesOf(parts[i] ?? '', field))
  const wrong = fields[values.indexOf(undefined)]
  if (wrong) {
    return {
      message: `the ${wrong.name} of the cron expression is wrong`,
      hint: `${wrong.min}-${wrong.max}, *, a-b, */n, or a list`,
    }
  }
  const [days = [], months = []] = values.slice(-3)
  const possible = months.some((month) => days.some((day) => day <= (DAYS[month - 1] ?? 0)))
  return possible ? undefined : { message: 'the cron expression names a day that no month of it has' }
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** All values that a field takes; undefined where it is wrong. */
function valuesOf(text: string, field: Field): number[] | undefined {
  const items = text.split(',').map((item) => itemValues(item, field))
  return items.every((item) => item !== undefined) ? items.flat() : undefined
}

function itemValues(item: string, field: Field): number[] | undefined {
  const [, star, from, to, every] = ITEM.exec(item) ?? []
  if (star === undefined && from === undefined) return undefined
  const first = star === undefined ? valueOf(from ?? '', field) : field.min
  const last = star === undefined ? (to === undefined ? first : valueOf(to, field)) : field.max
  const step = every === undefined ? 1 : Number(every)
  const stepsAlone = every !== undefined && star === undefined && to === undefined
  if (!(first >= field.min && last <= field.max && first <= last) || step < 1 || stepsAlone) return undefined
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step)
}

function valueOf(text: string, { words, min }: Field): number {
  const word = words?.indexOf(text.toLowerCase()) ?? -1
  if (word !== -1) return word + min
  return /^\d+$/.test(text) ? Number(text) : Number.NaN
}
