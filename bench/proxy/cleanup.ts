// What has to end when a scenario or the whole bench ends, newest first: processes go before the folder that they write to.
import type { Cleanup } from '../../test/kit/process.js'

export interface Scope extends Cleanup {
  /** Ends everything; a second call waits for the first. */
  end(): Promise<void>
  readonly ending: boolean
}

export function createScope(): Scope {
  const tasks: (() => unknown)[] = []
  let ended: Promise<void> | undefined
  return {
    after: (task) => void tasks.push(task),
    get ending() {
      return ended !== undefined
    },
    end: () =>
      (ended ??= (async () => {
        for (const task of tasks.reverse()) await task()
      })()),
  }
}

/** Runs `work` with a scope of its own, which also ends when `outer` does. */
export async function scoped<T>(outer: Cleanup, work: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = createScope()
  outer.after(() => scope.end())
  try {
    return await work(scope)
  } finally {
    await scope.end()
  }
}
