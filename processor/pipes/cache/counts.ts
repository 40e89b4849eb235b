// What a cache counts of the requests that come to it.

export class Counts {
  /** Answered from the store. Of them: while stale, and after waiting for another request. */
  hits = 0
  stale = 0
  collapsed = 0
  /** Gone on to the service. Of them: answered that what is stored is still good. */
  misses = 0
  validated = 0
  /** Neither served nor stored. */
  passed = 0
  /** Answers that a request has made useless, and those that an operator has thrown away. */
  invalidated = 0
  purged = 0
}
