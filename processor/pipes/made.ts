// What `create` of a user's module gives. Nothing but its name makes a function a hook: one that nobody would ever call is told of.
import { closest } from '../../shared/config/suggest.js'
import type { Log } from '../../shared/log.js'
import type { Pipe } from './pipe.js'

const HOOKS: readonly string[] = ['onRequest', 'onResponse', 'onError', 'onDone', 'metrics', 'gauges', 'close']
/** What is spelled like a hook; all other names are the pipe's own affair. */
const HOOK_LIKE = /^on[A-Z_]/
const SPELLED = new Set(HOOKS.map((name) => name.toLowerCase()))

/** Throws a TypeError for what is no pipe. */
export function pipeOf(made: unknown, log: Log): Pipe {
  if (typeof made !== 'object' || made === null)
    throw new TypeError('its "create" gave no pipe: it returns an object with hooks, as docs/pipes/writing.md shows')
  const own = made as Record<string, unknown>
  const isHook = (name: string): boolean => {
    const given = own[name]
    if (Boolean(given) && typeof given !== 'function') throw new TypeError(`its "${name}" is no function`)
    return typeof given === 'function'
  }
  const hooks = HOOKS.filter(isHook)
  const strays = namesOf(made).filter(
    (name) => !HOOKS.includes(name) && (HOOK_LIKE.test(name) || SPELLED.has(name.toLowerCase())),
  )
  for (const name of strays) {
    const meant = closest(name, HOOKS)
    log.warn({ found: name, ...(meant !== undefined && { meant }) }, 'a pipe has what is no hook: it is never called')
  }
  if (hooks.length === 0 && strays.length === 0) log.warn({}, 'a pipe has no hooks: it does nothing')
  return made
}

/** Those of its classes, too. */
function namesOf(made: object): string[] {
  const names = new Set<string>()
  let from: object | null = made
  while (from !== null && from !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(from)) names.add(name)
    from = Object.getPrototypeOf(from) as object | null
  }
  return [...names]
}
