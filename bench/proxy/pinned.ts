// Which core does what, and processes that stay on theirs.
import { startProcess } from '../../test/kit/process.js'
import type { ProcessOptions, RunningProcess } from '../../test/kit/process.js'

/** All proxies, one after the other. */
export const PROXY_CORE = 0
/** The load and the origin: what they cost slows every proxy alike and counts for none. */
export const LOAD_CORE = 1

export function startPinned(
  core: number,
  command: readonly string[],
  options: ProcessOptions,
): Promise<RunningProcess> {
  return startProcess('taskset', ['-c', String(core), ...command], options)
}
