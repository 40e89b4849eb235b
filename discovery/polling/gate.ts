// How many probes run at once: the rest waits in the order in which it came, and none starts in a burst.

export interface Gate {
  /** Resolves when a probe may start; each is matched by one `leave`. */
  enter(): Promise<void>
  leave(): void
  readonly inside: number
  readonly waiting: number
}

// Starting a probe costs about 0.1 ms: more in one turn of the event loop would hold up everything else in the process.
const STARTS_PER_TURN = 32

/** `limit`: probes at once, at least 1. */
export function createGate(limit: number): Gate {
  const queue: (() => void)[] = []
  let head = 0
  let inside = 0
  let startsLeft = STARTS_PER_TURN
  let nextTurn: NodeJS.Immediate | undefined

  function admit(): void {
    while (head < queue.length && inside < limit && startsLeft > 0) {
      const start = queue[head++]
      inside++
      startsLeft--
      start?.()
    }
    if (head === queue.length) {
      queue.length = 0
      head = 0
    } else if (head > 1024 && head * 2 > queue.length) {
      queue.splice(0, head)
      head = 0
    }
    if (startsLeft < STARTS_PER_TURN) nextTurn ??= setImmediate(refill)
  }

  function refill(): void {
    nextTurn = undefined
    startsLeft = STARTS_PER_TURN
    admit()
  }

  return {
    enter: () =>
      new Promise((resolve) => {
        queue.push(resolve)
        admit()
      }),
    leave() {
      inside--
      admit()
    },
    get inside() {
      return inside
    },
    get waiting() {
      return queue.length - head
    },
  }
}
