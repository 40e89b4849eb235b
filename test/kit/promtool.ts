// Prometheus' own checker for what speaks its languages, where this machine has it.
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawnSync } from 'node:child_process'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const FETCHED = join(ROOT, 'node_modules', '.serverpy-tools')

const file = [FETCHED, ...(process.env.PATH ?? '').split(delimiter)]
  .map((folder) => join(folder, 'promtool'))
  .find((candidate) => existsSync(candidate))

/** Why a test that needs it cannot run; false where it can. */
export const promtoolMissing = file === undefined && 'promtool is not here: see deploy/prepare.mjs'

export interface Checked {
  readonly code: number | null
  readonly output: string
}

/** Runs promtool to its end. */
export function promtool(args: readonly string[], input = ''): Checked {
  if (file === undefined) throw new Error('promtool is not here')
  const { status, stdout, stderr } = spawnSync(file, args, { input, encoding: 'utf8', timeout: 30_000 })
  return { code: status, output: stdout + stderr }
}
