// As many workers as are wanted: the dead are replaced, the superfluous retire, and all of them can be replaced in turn.
import type { Clock } from '../../shared/clock.js'
import type { Log } from '../../shared/log.js'
import type { WorkerProcess } from './worker-process.js'

export interface Crew {
  readonly workers: ReadonlySet<WorkerProcess>
  /** Workers replaced because they died or hung. */
  readonly replaced: number
  /** Resolves when all serve; rejects when they die again and again. */
  start(): Promise<void>
  /** Another number of workers. Those that are too many finish what they began. */
  resize(wanted: number): void
  /**
   * Replaces every worker of now by a new one, one after the other: the new one serves before the old one retires. Resolves
   * when the old ones have ended, or with how many have not after a while. Rejects with one line when the new ones do not
   * start; the old ones serve on then. Calls that overlap run one after the other.
   */
  replaceAll(): Promise<{ readonly replaced: number; readonly draining: number }>
  /** From now on nobody is replaced. */
  dismiss(): void
  /** Resolves when nobody is left. */
  gone(): Promise<void>
  // What happens to the workers:
  serving(worker: WorkerProcess): void
  exited(worker: WorkerProcess, reason: string): void
}

export interface CrewDeps {
  readonly clock: Clock
  readonly log: Log
  readonly spawn: () => WorkerProcess
  /** How long a worker that retires may take; 0: as long as it needs. */
  readonly drainMs: () => number
}

/** A worker that lived for less is not replaced at once: it would only die again. */
const SETTLED_MS = 5000
const FIRST_BACKOFF_MS = 100
const MOST_BACKOFF_MS = 5000
/** So many short lives in a row, and the workers do not start. */
const MOST_SHORT_LIVES = 3
/** How long a replacement waits for the new worker. */
const STEP_MS = 30_000
/** How long one who asked for a replacement waits for the last of the old ones. */
const LAST_MS = 35_000
/** What a retiring worker gets beyond its own bound: for the cut, and to send the last of its logs and spans. */
const GRACE_MS = 4000

export function createCrew(first: number, { clock, log, spawn, drainMs }: CrewDeps): Crew {
  const workers = new Set<WorkerProcess>()
  const waiting = new Set<() => void>()
  let wanted = first
  /** One more while workers are replaced. */
  let extra = 0
  /** Replacements that wait for their time. */
  let due = 0
  let replaced = 0
  let shortLives = 0
  let dismissed = false
  let rolling: Promise<unknown> = Promise.resolve()

  const active = (): WorkerProcess[] => [...workers].filter((worker) => !worker.retiring)
  const allServe = (): boolean => active().filter((worker) => worker.state === 'serving').length >= wanted + extra

  function fill(): void {
    while (!dismissed && active().length + due < wanted + extra) workers.add(spawn())
  }

  function trim(): void {
    for (const youngest of active().slice(wanted + extra)) retire(youngest)
  }

  function retire(worker: WorkerProcess): void {
    worker.retire()
    const ms = drainMs()
    const cancel = ms > 0 ? clock.after(ms + GRACE_MS, () => worker.kill()) : undefined
    void until(() => !workers.has(worker)).then(cancel)
  }

  function changed(): void {
    for (const look of [...waiting]) look()
  }

  /** False: not within `patienceMs`. */
  function until(settled: () => boolean, patienceMs = 0): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (inTime: boolean): void => {
        waiting.delete(look)
        cancel?.()
        resolve(inTime)
      }
      const look = (): void => {
        if (settled()) end(true)
      }
      const cancel = patienceMs > 0 ? clock.after(patienceMs, () => end(false)) : undefined
      waiting.add(look)
      look()
    })
  }

  async function roll(): Promise<{ replaced: number; draining: number }> {
    const old = active()
    shortLives = 0
    extra = 1
    try {
      for (const worker of old) {
        // It has died meanwhile, and its replacement is as new as any.
        if (!workers.has(worker) || worker.retiring) continue
        fill()
        const inTime = await until(() => dismissed || shortLives > MOST_SHORT_LIVES || allServe(), STEP_MS)
        if (dismissed) throw new Error('the request processor ends')
        if (!inTime || shortLives > MOST_SHORT_LIVES)
          throw new Error('the new workers do not start: see the log; the old ones serve on')
        if (workers.has(worker)) retire(worker)
      }
    } finally {
      extra = 0
      trim()
    }
    const left = (): number => old.filter((worker) => workers.has(worker)).length
    await until(() => left() === 0, LAST_MS)
    return { replaced: old.length, draining: left() }
  }

  return {
    workers,
    get replaced() {
      return replaced
    },
    async start() {
      fill()
      await until(() => shortLives > MOST_SHORT_LIVES || allServe())
      if (shortLives > MOST_SHORT_LIVES) throw new Error('the workers do not start')
    },
    resize(next) {
      wanted = next
      fill()
      trim()
      changed()
    },
    replaceAll() {
      const turn = rolling.then(roll)
      rolling = turn.catch(() => undefined)
      return turn
    },
    dismiss() {
      dismissed = true
      changed()
    },
    async gone() {
      await until(() => workers.size === 0)
    },
    serving: changed,
    exited(worker, reason) {
      workers.delete(worker)
      const { name, pid, retiring } = worker
      if (retiring) log.info({ worker: name, pid, reason }, 'a worker that was not needed any more has ended')
      else if (!dismissed) replace(worker, reason)
      changed()
    },
  }

  function replace({ name, pid, bornAt }: WorkerProcess, reason: string): void {
    replaced++
    shortLives = clock.now() - bornAt < SETTLED_MS ? shortLives + 1 : 0
    const delayMs = shortLives <= 1 ? 0 : Math.min(MOST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (shortLives - 2))
    log.error({ worker: name, pid, reason, delayMs }, 'worker is gone and gets replaced')
    due++
    clock.after(delayMs, () => {
      due--
      fill()
    })
  }
}
