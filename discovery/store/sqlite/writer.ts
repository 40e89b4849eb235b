// Writes what the buffers hold: in batches, one at a time, again and again until the file takes them.
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import { StoreUnavailable, type StoreHealth } from '../store.js'
import type { Buffer } from './buffer.js'
import type { Link } from './link.js'
import type { Batch } from './protocol.js'
import { BATCH_SUMS, type Tally } from './tally.js'

export interface Writer {
  /** Something was appended. */
  notify(): void
  /** Resolves when all that was appended before is written, or could not be. */
  flush(): Promise<void>
  health(): StoreHealth
  /** The engine failed elsewhere: it is tried until it works again. */
  failed(reason: string): void
  /** Rows of batches that the database refused, and will not take another time. */
  readonly rejected: number
  close(): void
}

// Half of the 100 ms that the contract allows: the rest is for the commit.
const BATCH_MS = 50
const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 5000
// A commit takes milliseconds; a disk that hangs answers nothing at all.
const SILENT_MS = 5000

/**
 * One batch is on its way at a time and the next leaves with its acknowledgement: that is the back-pressure, it keeps
 * rows in order, and it lets a batch whose fate is unknown be sent again without counting twice. While the thread
 * commits, the next batch fills, so nothing is lost in speed.
 */
export function createWriter(link: Link, buffer: Buffer, tally: Tally, deps: { clock: Clock; log: Log }): Writer {
  const { clock, log } = deps
  const life = randomUUID()
  let batches = 0
  let rejected = 0
  let unwritten: { readonly batch: Batch; readonly count: number } | undefined
  let sentAt: number | undefined
  let due = false
  let closed = false
  let problem: { readonly reason: string; readonly since: number } | undefined
  let retryMs = FIRST_RETRY_MS
  let cancelTimer: (() => void) | undefined
  let settled: ((written: boolean) => void)[] = []

  const empty = () => buffer.chunks === 0 && tally.size === 0

  function wake(ms: number): void {
    if (closed) return
    cancelTimer ??= clock.after(ms, () => {
      cancelTimer = undefined
      due = true
      send()
    })
  }

  function send(): void {
    if (sentAt !== undefined || closed) return
    // While there is a problem even an empty batch goes, to see whether it has passed.
    if (!unwritten && empty() && !problem) return settle(true)
    cancelTimer?.()
    cancelTimer = undefined
    due = false
    unwritten ??= nextBatch()
    const { batch, count } = unwritten
    sentAt = clock.now()
    link.call('write', batch).then(
      () => answered(undefined),
      (error: Error) => {
        if (!(error instanceof StoreUnavailable)) {
          // It would be refused for ever, and all that comes after it would wait.
          unwritten = undefined
          rejected += count
          log.error({ rows: count, reason: error.message }, 'rows of history were refused by the database: given up')
        }
        answered(error.message)
      },
    )
  }

  function nextBatch() {
    const { count, ...rows } = buffer.take()
    const counts = tally.take()
    return { batch: { id: `${life}/${++batches}`, rows, counts }, count: count + counts.minutes.length }
  }

  function answered(failure: string | undefined): void {
    sentAt = undefined
    if (failure !== undefined) {
      trouble(failure)
      settle(false)
      return
    }
    unwritten = undefined
    if (problem) {
      const forMs = clock.wall() - problem.since
      problem = undefined
      retryMs = FIRST_RETRY_MS
      log.info({ forMs, dropped: buffer.dropped + tally.dropped }, 'the store is written again')
    }
    settle(true)
    if (due || buffer.full || tally.size > BATCH_SUMS) send()
    else if (!empty()) wake(BATCH_MS)
  }

  function trouble(reason: string): void {
    if (problem?.reason !== reason) {
      log.error({ reason }, 'the store is not written: history waits in a bounded buffer, the rest goes on')
      problem = { reason, since: problem?.since ?? clock.wall() }
    }
    cancelTimer?.()
    cancelTimer = undefined
    wake(retryMs)
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
  }

  function settle(written: boolean): void {
    const callbacks = settled
    settled = []
    for (const callback of callbacks) callback(written)
  }

  return {
    notify() {
      if (problem) return
      if (buffer.full) send()
      else wake(BATCH_MS)
    },
    async flush() {
      // What is appended meanwhile stands behind what is there now, so this many batches hold it all.
      const rounds = Math.max(buffer.chunks, Math.ceil(tally.size / BATCH_SUMS)) + (unwritten ? 1 : 0)
      for (let round = 0; round < rounds && !closed; round++) {
        const written = await new Promise<boolean>((resolve) => {
          settled.push(resolve)
          due = true
          send()
        })
        if (!written) return
      }
    },
    health() {
      if (problem) return { ok: false, ...problem }
      const silentMs = sentAt === undefined ? 0 : clock.now() - sentAt
      if (silentMs < SILENT_MS) return { ok: true }
      const reason = `the disk has not answered for ${Math.round(silentMs / 1000)} s`
      return { ok: false, reason, since: clock.wall() - silentMs }
    },
    failed(reason) {
      // A batch on its way will tell by itself.
      if (!closed && !problem && sentAt === undefined) trouble(reason)
    },
    get rejected() {
      return rejected
    },
    close() {
      closed = true
      cancelTimer?.()
      settle(false)
    },
  }
}
