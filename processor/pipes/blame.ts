// Which users' pipe an error comes from that nobody caught. Modules stay in a process for good, and what they have begun may
// fail when their pipe has long left the config, or before it has been made.
import { pathToFileURL } from 'node:url'

/** Names of pipes, by the path of their module. */
const modules = new Map<string, string>()

let heard: (modules: ReadonlyMap<string, string>) => void = () => undefined

/** The module is about to be loaded into this thread. */
export function mayBlame(module: string, name: string): void {
  if (modules.get(module) === name) return
  modules.set(module, name)
  heard(modules)
}

/** `hear` is told of every module before its code runs, and now of those that are there. */
export function hearModules(hear: (modules: ReadonlyMap<string, string>) => void): void {
  heard = hear
  if (modules.size > 0) hear(modules)
}

/** Undefined: it comes from no pipe. */
export function blame(error: unknown): string | undefined {
  if (modules.size === 0) return undefined
  const stack = error instanceof Error ? String(error.stack) : ''
  for (const [module, name] of modules) {
    // A stack names modules by their URL, in which spaces and the like are escaped.
    if (stack.includes(pathToFileURL(module).pathname) || stack.includes(module)) return name
  }
  // What is thrown without a stack tells no more than that it was none of ours: we throw errors.
  const nameless = !(error instanceof Error) || (error as NodeJS.ErrnoException).code === 'ERR_UNHANDLED_REJECTION'
  return nameless ? [...new Set(modules.values())].join(' or ') : undefined
}
