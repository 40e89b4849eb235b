// A disk of a few megabytes that a test can really fill: a tmpfs of its own, where this process may mount one.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cleanup } from './process.js'

export interface SmallDisk {
  readonly folder: string
  grow(size: string): void
}

/** Mounts one of `size`, e.g. `2m`; it goes with the test. Undefined where mounting is not allowed: skip then. */
export function mountSmallDisk(t: Cleanup, size: string): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'serverpy-test', folder], { stdio: 'ignore' })
  } catch {
    rmdirSync(folder)
    return undefined
  }
  t.after(() => {
    execFileSync('umount', ['-l', folder])
    rmdirSync(folder)
  })
  return { folder, grow: (larger) => void execFileSync('mount', ['-o', `remount,size=${larger}`, folder]) }
}
