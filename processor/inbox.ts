// Messages to a worker, one after the other: the next one waits until the one before has been acted upon.

export interface Inbox<M> {
  add(message: M): void
  /** Gives every message to `take`, those that have come before, too. */
  open(take: (message: M) => Promise<void>): void
}

export function createInbox<M>(): Inbox<M> {
  const waiting: M[] = []
  let take: ((message: M) => Promise<void>) | undefined
  let busy = false

  async function work(): Promise<void> {
    if (busy || take === undefined) return
    busy = true
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await take(next)
    } finally {
      busy = false
    }
  }

  return {
    add(message) {
      waiting.push(message)
      void work()
    },
    open(to) {
      take = to
      void work()
    },
  }
}
