// Damaged files are kept: they get out of the way by a new name.
import { existsSync, renameSync } from 'node:fs'

/** Renames a damaged file with its companions, so that nothing is lost, and returns the new name. */
export function setAside(path: string): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-')
  let aside = `${path}.corrupt-${stamp}`
  for (let n = 2; existsSync(aside); n++) aside = `${path}.corrupt-${stamp}-${n}`
  renameSync(path, aside)
  for (const companion of ['-wal', '-shm']) {
    if (existsSync(path + companion)) renameSync(path + companion, aside + companion)
  }
  return aside
}
