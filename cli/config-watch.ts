// Tells when the config file has changed: saved in place, by an atomic rename, or by a symlink that points elsewhere.
import { type BigIntStats, type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Clock } from '../shared/clock.js'
import type { Log } from '../shared/log.js'

/** Editors write in bursts: only a file that has stood still for so long is read. */
const SETTLE_MS = 200
/** Where the system tells nothing, as on network file systems. */
const LOOK_MS = 1000

/** What tells one content of a file from another without reading it; undefined: there is no file. */
export type Fingerprint = string | undefined

export interface ConfigWatch {
  close(): void
}

/** Of what the path leads to at last, whatever links are on the way. */
export async function fingerprint(file: string): Promise<Fingerprint> {
  return stat(file, { bigint: true }).then(toText, () => undefined)
}

function toText({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  // The last tells a file that was away and is back.
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/** `seen`: of the content that is in force. A file that is gone changes nothing; it is told when it is back. */
export function watchConfig(
  file: string,
  seen: Fingerprint,
  changed: () => void,
  { clock, log }: { readonly clock: Pick<Clock, 'after'>; readonly log: Log },
): ConfigWatch {
  let known = seen
  /** What waits to have stood still; undefined: that there is no file. */
  let fresh: Fingerprint
  let cancelSettle: (() => void) | undefined
  let cancelLook: (() => void) | undefined
  /** That it is gone has been told. */
  let missing = false
  let closed = false

  async function look(): Promise<void> {
    const now = await fingerprint(file)
    if (closed) return
    // Whoever read it meanwhile found no file: even one that comes back as it was is to be read again.
    if (now === undefined) known = undefined
    if (now === undefined ? missing : now === known) {
      cancelSettle?.()
      cancelSettle = undefined
      return
    }
    if (cancelSettle !== undefined && now === fresh) return
    fresh = now
    cancelSettle?.()
    cancelSettle = clock.after(SETTLE_MS, () => void settled())
  }

  /** Editors that move the file away before they write it leave none for a moment: that is not told. */
  async function settled(): Promise<void> {
    const now = await fingerprint(file)
    if (closed) return
    cancelSettle = undefined
    if (now !== fresh) return look()
    missing = now === undefined
    if (missing) return log.warn({ file }, 'the config file is gone; what it said last stays in force')
    known = now
    changed()
  }

  function lookAgain(): void {
    cancelLook = clock.after(LOOK_MS, () => {
      void look()
      lookAgain()
    })
  }

  const watcher = watchFolder(file, () => void look())
  lookAgain()
  return {
    close() {
      closed = true
      cancelSettle?.()
      cancelLook?.()
      watcher?.close()
    },
  }
}

/** The folder, since a file that is replaced by another would be watched no more. */
function watchFolder(file: string, happened: () => void): FSWatcher | undefined {
  const name = basename(file)
  try {
    // Kubernetes swaps a link beside the file whose name begins with two dots.
    const watcher = watch(dirname(file), (_, changed) => {
      if (changed === null || changed === name || changed.startsWith('..')) happened()
    })
    // The folder itself may go, or the system may have no watch left: then only the look each second tells.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
