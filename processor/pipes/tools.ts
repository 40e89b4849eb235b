// What one pipe gets of the gateway that it is in: its log, the time, timers that end with it, calls of its own.
import type { PipeConfig } from '../../shared/config/model.js'
import { checkedCall } from './checked-call.js'
import type { PipeTools } from './pipe.js'
import type { RackDeps } from './rack.js'

export function createTools(
  config: PipeConfig,
  directory: string,
  place: string,
  workers: () => number,
  /** Those that have not fired: each ends one. */
  timers: Set<() => void>,
  deps: Pick<RackDeps, 'log' | 'call' | 'machine'>,
): PipeTools {
  return {
    name: config.name,
    log: deps.log.child({ pipe: config.name }),
    directory,
    place,
    get workers() {
      return workers()
    },
    now: () => performance.now(),
    after(ms, run) {
      const timer = setTimeout(() => {
        timers.delete(cancel)
        run()
      }, ms)
      const cancel = (): void => {
        clearTimeout(timer)
        timers.delete(cancel)
      }
      timers.add(cancel)
      return cancel
    },
    call: config.module === undefined ? deps.call : (call) => deps.call(checkedCall(call)),
    machine: deps.machine,
  }
}
