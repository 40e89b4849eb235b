// Polling by the wall clock: instances whose frequency is the same cron expression share one task.
import { schedule, type ScheduledTask } from 'node-cron'
import type { Log } from '../../shared/log.js'
import { cronLog } from '../cron-log.js'

export interface CronGroups {
  /** Five fields, or six with seconds first. The expression has been validated. */
  add(id: string, expression: string): void
  remove(id: string): void
  close(): void
}

interface Group {
  readonly task: ScheduledTask
  readonly ids: Set<string>
}

/** `onDue` is called for each instance of an expression when its moment comes; moments slept through are dropped. */
export function createCronGroups(onDue: (id: string) => void, deps: { readonly log: Log }): CronGroups {
  const groups = new Map<string, Group>()
  const expressions = new Map<string, string>()

  function open(expression: string): Group {
    const ids = new Set<string>()
    const run = (): void => {
      for (const id of [...ids]) onDue(id)
    }
    return { ids, task: schedule(expression, run, { suppressMissedWarning: true, logger: cronLog(deps.log) }) }
  }

  function remove(id: string): void {
    const expression = expressions.get(id)
    const group = expression === undefined ? undefined : groups.get(expression)
    if (expression === undefined || !group) return
    expressions.delete(id)
    group.ids.delete(id)
    if (group.ids.size > 0) return
    groups.delete(expression)
    void group.task.destroy()
  }

  return {
    add(id, expression) {
      remove(id)
      const group = groups.get(expression) ?? open(expression)
      groups.set(expression, group)
      group.ids.add(id)
      expressions.set(id, expression)
    },
    remove,
    close() {
      for (const { task } of groups.values()) void task.destroy()
      groups.clear()
      expressions.clear()
    },
  }
}
