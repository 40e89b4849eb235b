// Whether the code that runs now was begun by a timer: Node keeps books of those that a user's code, when it is ended from
// outside, would leave unbalanced (the process ends by that). Whoever runs such code there lets the timer come to its end first.

let timers = 0

/** The running call was begun by a timer or an immediate. */
export function withinTimer(): boolean {
  return timers > 0
}

/** `run`, marked as a timer's. */
export function asTimer(run: () => void): () => void {
  return () => {
    timers++
    try {
      run()
    } finally {
      timers--
    }
  }
}
