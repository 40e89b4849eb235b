// /dump: what /stats?packets=all says, in one file that is whole at every moment.
import { randomUUID } from 'node:crypto'
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import cron from 'node-cron'
import { cronLog } from '../cron-log.js'
import { StoreUnavailable } from '../store/store.js'
import type { ApiDeps } from './deps.js'
import { sendJson, type Endpoint } from './endpoint.js'
import { ApiProblem } from './problem.js'
import { readQuery } from './query.js'
import type { Settle } from './settle.js'
import { statsText } from './stats.js'
import { writeAll } from './stream.js'

const PART = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/

export interface Dump {
  readonly endpoint: Endpoint
  /** The config is another one. */
  reconfigured(): void
  /** Ends the schedule, and resolves when no dump is being written. */
  close(): Promise<void>
}

/** Dumps on request, and on the config's schedule if it has one. */
export function createDump(deps: ApiDeps, settle: Settle): Dump {
  let { dumpFile, dumpSchedule } = deps.config.discovery
  let running: Promise<void> | undefined
  const tidied = removeLeftovers(dumpFile)

  /** One write at a time: who asks while it runs gets its result. */
  function write(): Promise<void> {
    running ??= settle
      .history()
      .then(() => tidied)
      .then(() => replaceFile(dumpFile, statsText(Infinity, deps, 'fail')))
      .finally(() => {
        running = undefined
      })
    return running
  }

  async function writeOrLog(): Promise<void> {
    try {
      await write()
    } catch (error) {
      deps.log.error({ file: dumpFile, reason: reasonOf(error) }, 'the dump failed')
      throw error
    }
  }

  function schedule() {
    const options = { noOverlap: true, suppressMissedWarning: true, logger: cronLog(deps.log), name: 'dump' }
    return dumpSchedule === undefined ? undefined : cron.schedule(dumpSchedule, writeOrLog, options)
  }
  let task = schedule()

  return {
    async endpoint(req, res) {
      readQuery(req, [])
      // HEAD asks what a GET would say; only the GET writes.
      if (req.method === 'HEAD') return void res.end()
      try {
        await writeOrLog()
      } catch (error) {
        throw new ApiProblem(500, `the dump cannot be written: ${reasonOf(error)}`)
      }
      sendJson(res, { status: 'Success' })
    },

    reconfigured() {
      const before = dumpSchedule
      ;({ dumpFile, dumpSchedule } = deps.config.discovery)
      if (dumpSchedule === before) return
      void task?.destroy()
      task = schedule()
    },

    async close() {
      await task?.destroy()
      await tidied
      await running?.catch(() => undefined)
    },
  }
}

/** Readers see the old file or the new one, also after a crash: hence the fsync before the rename, and of the folder after it. */
async function replaceFile(file: string, pieces: AsyncIterable<string>): Promise<void> {
  const folder = dirname(file)
  const part = join(folder, `.${basename(file)}.${randomUUID()}.part`)
  const handle = await open(part, 'wx', 0o640)
  try {
    await writeAll(pieces, handle.createWriteStream({ flush: true }))
    await rename(part, file)
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(part, { force: true }).catch(() => undefined)
    throw error
  }
  await syncFolder(folder)
}

/** Parts that a process killed in the middle of a write has left; what cannot be removed harms nobody. */
async function removeLeftovers(file: string): Promise<void> {
  const folder = dirname(file)
  const part = (name: string) => name.startsWith(`.${basename(file)}.`) && PART.test(name)
  try {
    for (const name of await readdir(folder)) if (part(name)) await rm(join(folder, name), { force: true })
  } catch {
    // The first dump tells what is wrong with the folder.
  }
}

async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(folder, 'r')
    await handle.sync()
  } catch {
    // Some file systems cannot; the file itself is safe.
  } finally {
    await handle?.close()
  }
}

/** The system's code and nothing of the path, e.g. `ENOSPC: no space left on device`. */
function reasonOf(error: unknown): string {
  if (error instanceof StoreUnavailable) return 'the store cannot be read'
  return error instanceof Error ? (error.message.split(',')[0] ?? error.message) : String(error)
}
