// The last line of a load's output is its result, as JSON.
import type { RunningProcess } from '../../../test/kit/process.js'
import { within } from '../../../test/kit/wait.js'

/** Beyond its own time a load may wait for late answers. */
const PATIENCE_MS = 20_000

export async function resultOf<T>(name: string, running: RunningProcess, seconds: number): Promise<T> {
  const { code, signal } = await within(running.exited, seconds * 1000 + PATIENCE_MS, name)
  if (code !== 0) throw new Error(`${name} failed (${signal ?? code}): ${running.stderr() || running.stdout()}`)
  return JSON.parse(running.stdout().trim().split('\n').at(-1) ?? '') as T
}
