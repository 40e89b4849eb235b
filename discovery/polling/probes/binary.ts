// Where a program lies, found on the PATH that the process was given and looked for again when it was missing.
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Clock } from '../../../shared/clock.js'

export interface Binary {
  /** Absolute path, or undefined while it is not installed. */
  find(): string | undefined
  /** Forgets where it was: it could not be started, or is of no use for now. */
  miss(): void
}

const LOOK_AGAIN_MS = 30_000

/** `searchPath`: as in the environment variable PATH. */
export function createBinary(name: string, searchPath: string, deps: { readonly clock: Clock }): Binary {
  const { clock } = deps
  let path: string | undefined
  let notBefore = -Infinity

  return {
    find() {
      if (path === undefined && clock.now() >= notBefore) {
        path = searchPath
          .split(delimiter)
          .filter((folder) => folder !== '')
          .map((folder) => join(folder, name))
          .find(isProgram)
        if (path === undefined) notBefore = clock.now() + LOOK_AGAIN_MS
      }
      return path
    },
    miss() {
      path = undefined
      notBefore = clock.now() + LOOK_AGAIN_MS
    },
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
