// Pipes that divide clients by one cookie: whoever meets two of them has its part of the one by chance of the other.
import type { Path } from '../document.js'
import type { Config, PipeConfig } from '../model.js'
import { quoted } from '../problem.js'
import type { Context } from './context.js'

/** A pipe that keeps a client's part in a cookie. */
export interface Split {
  readonly path: Path
  /** Of the pipe: whatever has them is this split. */
  readonly options: unknown
  readonly cookie: string
  /** The file names the cookie. */
  readonly named: boolean
  /** Equal where two read each other's cookies. */
  readonly values: string
  /** Equal where they divide clients for the same end. */
  readonly purpose: string
}

/** A place where the pipe of a split stands. */
interface Spot {
  readonly pipe: PipeConfig
  readonly list: readonly PipeConfig[]
  readonly level: 'processor' | 'host' | 'route'
  /** None: requests to any. */
  readonly hosts: readonly string[]
}

/** Of those with one cookie, so many are compared with each: more is no help to anybody. */
const MOST_COMPARED = 100

/** Told once for each, at the one that stands later. */
export function warnOfSharedCookies(config: Config, { splits, report, line }: Context): void {
  if (splits.length < 2) return
  const spots = spotsOf(config, new Set(splits.map(({ options }) => options)))
  const byCookie = new Map<string, Split[]>()
  for (const split of splits) {
    const before = byCookie.get(split.cookie) ?? []
    byCookie.set(split.cookie, before)
    const here = spots.get(split.options) ?? []
    for (const other of before) {
      const hint = hintFor(split, here, other, spots.get(other.options) ?? [])
      if (hint === undefined) continue
      const message = `clients get their part by the same cookie ${quoted(split.cookie)} as from the pipe on line ${line(other.path)}`
      report.warn(split.path, { message, hint })
      break
    }
    if (before.length < MOST_COMPARED) before.push(split)
  }
}

/** What to do about two with one cookie; undefined: nothing. */
function hintFor(a: Split, here: readonly Spot[], b: Split, there: readonly Spot[]): string | undefined {
  const meets = (both: (one: Spot, other: Spot) => boolean) =>
    here.some((one) => there.some((other) => doMeet(one, other) && both(one, other)))
  if (a.purpose === b.purpose || !meets(() => true)) return undefined
  const own = 'give each a "cookie" of its own'
  if (a.values !== b.values) return `${own}: they overwrite each other's`
  if (!a.named || !b.named) return `${own}, or name the same one in both where the same clients are meant`
  // One after the other, the second has the clients of the first.
  return meets(inOneWay) ? own : undefined
}

/** Whether one client may come past both with one cookie: it comes back to the host that has set it. */
function doMeet(one: Spot, other: Spot): boolean {
  // Of the hosts with pipes a request meets one.
  if (one.level === 'host' && other.level === 'host') return one.list === other.list
  if (one.hosts.length === 0 || other.hosts.length === 0) return true
  return one.hosts.some((a) => other.hosts.some((b) => a === b || isWithin(a, b) || isWithin(b, a)))
}

function isWithin(host: string, pattern: string): boolean {
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1))
}

function inOneWay(one: Spot, other: Spot): boolean {
  if (one.pipe.when !== undefined || other.pipe.when !== undefined) return false
  return one.list === other.list || one.level !== other.level
}

function spotsOf({ processor, routes }: Config, wanted: ReadonlySet<unknown>): ReadonlyMap<unknown, readonly Spot[]> {
  const spots = new Map<unknown, Spot[]>()
  const add = (list: readonly PipeConfig[], level: Spot['level'], hosts: readonly string[]): void => {
    for (const pipe of list) {
      if (!wanted.has(pipe.options)) continue
      const known = spots.get(pipe.options) ?? []
      spots.set(pipe.options, known)
      // Those of a service are on each of its routes.
      if (!known.some((spot) => spot.list === list)) known.push({ pipe, list, level, hosts })
    }
  }
  add(processor.pipes, 'processor', [])
  for (const { host, pipes } of processor.hosts) add(pipes, 'host', [host])
  for (const { pipes, match } of routes) add(pipes, 'route', match.hosts)
  return spots
}
