// What one worker has seen changed, for the caches of all others; the one hears when the last of them knows of it.

export interface ChangeNews<W> {
  /** `id`: by which `from` knows it. */
  changed(from: W, id: number, keys: readonly string[]): void
  /** `worker` has taken in what was told by this number. */
  heard(worker: W, news: number): void
  /** The worker has ended. */
  left(worker: W): void
}

export interface ChangeNewsDeps<W> {
  readonly workers: Iterable<W>
  /** Whether it answers clients: the others are told, and not waited for. */
  readonly serves: (worker: W) => boolean
  readonly tell: (worker: W, message: NewsMessage) => void
}

export type NewsMessage =
  /** Answered by `heard` with the same number. */
  | { readonly kind: 'changed'; readonly id: number; readonly keys: readonly string[] }
  | { readonly kind: 'heard'; readonly id: number }

/** Of what has not been heard by all: while a worker hangs nobody needs to wait for it that long. */
const MOST_OPEN = 1000

interface News<W> {
  readonly from: W
  readonly id: number
  readonly missing: Set<W>
}

export function createChangeNews<W>({ workers, serves, tell }: ChangeNewsDeps<W>): ChangeNews<W> {
  const open = new Map<number, News<W>>()
  let count = 0

  function settle(number: number, { from, id, missing }: News<W>): void {
    if (missing.size > 0) return
    open.delete(number)
    tell(from, { kind: 'heard', id })
  }

  return {
    changed(from, id, keys) {
      const news = { from, id, missing: new Set<W>() }
      const number = ++count
      for (const worker of workers) {
        if (worker === from) continue
        tell(worker, { kind: 'changed', id: number, keys })
        if (serves(worker)) news.missing.add(worker)
      }
      open.set(number, news)
      settle(number, news)
      for (const oldest of open.keys()) {
        if (open.size <= MOST_OPEN) return
        open.delete(oldest)
      }
    },
    heard(worker, number) {
      const news = open.get(number)
      if (news?.missing.delete(worker)) settle(number, news)
    },
    left(worker) {
      for (const [number, news] of open) {
        if (news.from === worker) open.delete(number)
        else if (news.missing.delete(worker)) settle(number, news)
      }
    },
  }
}
