// Looks for workers that have gone silent: one that hangs serves nobody, and keeps the connections that it has.
import type { Clock } from '../../shared/clock.js'
import type { Log } from '../../shared/log.js'
import type { WorkerProcess } from './worker-process.js'

/** A worker gets this long to load and listen, and twice as long after each that was too slow: the machine may be busy. */
const START_MS = 15_000
const MOST_START_MS = 240_000
const LOOKS_PER_HANG = 5

/** Kills whoever has been silent for `hangMs`; the returned function ends it. */
export function watchForHangs(
  workers: ReadonlySet<WorkerProcess>,
  hangMs: number,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): () => void {
  const lookMs = Math.max(50, hangMs / LOOKS_PER_HANG)
  let lookedAt = clock.now()
  let startMs = START_MS
  const timer = setInterval(() => {
    const now = clock.now()
    // After a stall of this process nobody's silence means anything.
    const stalled = now - lookedAt > lookMs * 3
    lookedAt = now
    let tooSlow = false
    for (const worker of workers) {
      if (stalled) worker.heardAt = now
      const starting = worker.state === 'starting'
      const patienceMs = starting ? Math.max(startMs, hangMs) : hangMs
      if (now - worker.heardAt <= patienceMs) continue
      log.error({ worker: worker.name, pid: worker.pid, silentMs: Math.round(now - worker.heardAt) }, 'worker hangs')
      worker.kill()
      // Until it has ended there is nothing more to say of it.
      worker.heardAt = now
      tooSlow ||= starting
    }
    if (tooSlow) startMs = Math.min(startMs * 2, MOST_START_MS)
  }, lookMs)
  return () => clearInterval(timer)
}
