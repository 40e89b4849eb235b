// A plan in words: for the terminal, and in one line for the log.
import { type Difference, isEmpty, type Part, type Plan } from './plan.js'

/** One line each, `+` added, `~` changed, `-` removed, `!` needs a restart. */
export function planLines(plan: Plan): string[] {
  if (isEmpty(plan)) return ['no changes']
  const { workers } = plan
  return [
    ...partLines('service', plan.services),
    ...partLines('instance', plan.instances),
    ...partLines('route', plan.routes),
    ...partLines('listener', plan.listeners),
    ...plan.settings.map((one) => `~ ${described(one)}`),
    ...(workers === undefined ? [] : [`~ processor.workers ${workers.from} → ${workers.to}`]),
    ...plan.restart.map((key) => `! ${key} needs a restart; the old value stays`),
    ...plan.blocked.map((reason) => `! a restart would fail: ${reason}`),
  ]
}

/** Numbers only, for a log: `{ services: '+1 -2', … }`; what does not change is not named. */
export function planCounts({
  services,
  instances,
  routes,
  listeners,
  settings,
  workers,
}: Plan): Record<string, string | number> {
  const counts: Record<string, string | number> = {}
  for (const [name, part] of Object.entries({ services, instances, routes, listeners })) {
    const text = countsOf(part)
    if (text !== '') counts[name] = text
  }
  if (settings.length > 0) counts['settings'] = settings.length
  if (workers !== undefined) counts['workers'] = `${workers.from} to ${workers.to}`
  return counts
}

function partLines(noun: string, { added, changed, removed }: Part): string[] {
  return [
    ...added.map((name) => `+ ${noun} ${name}`),
    ...changed.map(({ name, what }) => `~ ${noun} ${name}: ${what.map(described).join(', ')}`),
    ...removed.map((name) => `- ${noun} ${name}`),
  ]
}

function described({ key, from, to }: Difference): string {
  return from === undefined || to === undefined ? key : `${key} ${from} → ${to}`
}

function countsOf({ added, changed, removed }: Part): string {
  const counts = [
    ['+', added.length],
    ['~', changed.length],
    ['-', removed.length],
  ] as const
  return counts
    .filter(([, n]) => n > 0)
    .map(([sign, n]) => `${sign}${n}`)
    .join(' ')
}
