// What one exchange may hold of answers: a body of a few megabytes can be many times that once it is read.

/** An answer cannot be read, or is too much. The message is for the log, `told` for a client: it names nobody within. */
export class Unreadable extends Error {
  constructor(
    message: string,
    readonly told = message,
  ) {
    super(message)
  }
}

/** Levels of lists and objects within each other: nobody means more, and a stack has an end. */
export const DEEPEST = 256

/** A list or an object costs as much as so many plain values. */
const OF_STRUCTURE = 8
const MOST_VALUES = 4_000_000
const MOST_BYTES = 64 * 2 ** 20

export class Budget {
  constructor(
    private values = MOST_VALUES,
    private bytes = MOST_BYTES,
  ) {}

  value(): void {
    if (--this.values < 0) throw new Unreadable('the answers hold more values than one request may have')
  }

  structure(depth: number): void {
    if (depth > DEEPEST) throw new Unreadable(`the answer is nested deeper than ${DEEPEST} levels`)
    this.values -= OF_STRUCTURE
    this.value()
  }

  /** Bytes of a body. */
  body(bytes: number): void {
    this.bytes -= bytes
    if (this.bytes < 0) throw new Unreadable('the answers are larger than one request may have')
  }
}
