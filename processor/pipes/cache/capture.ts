// Copies the body of an answer as it passes, within bounds, so that it can be stored when it has come whole.
import type { BodyWatcher } from '../pipe.js'

/** What all captures of a worker may hold together. */
export interface Budget {
  /** Bytes that are left. */
  left: number
}

export class Capture implements BodyWatcher {
  /** It came to nothing because of a bound. */
  tooLong = false
  private pieces: Buffer[] | undefined = []
  private bytes = 0

  /** `most`: of this body. `done` is called once: undefined where the body did not come whole, or is too long. */
  constructor(
    private readonly most: number,
    private readonly budget: Budget,
    private readonly done: (body: Buffer | undefined) => void,
  ) {}

  piece(bytes: Buffer): void {
    const { pieces, budget } = this
    if (pieces === undefined) return
    const { length } = bytes
    if (this.bytes + length > this.most || length > budget.left) {
      this.tooLong = true
      return this.giveUp()
    }
    budget.left -= length
    this.bytes += length
    pieces.push(copyOf(bytes))
  }

  end(whole: boolean): void {
    const { pieces } = this
    if (pieces === undefined) return
    if (!whole) return this.giveUp()
    this.settle()
    this.done(pieces.length === 1 ? pieces[0] : joined(pieces))
  }

  private giveUp(): void {
    if (this.pieces === undefined) return
    this.settle()
    this.done(undefined)
  }

  private settle(): void {
    this.budget.left += this.bytes
    this.pieces = undefined
  }
}

/** In memory of its own: what comes from Node's pool keeps eight kibibytes of it alive. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

function joined(pieces: readonly Buffer[]): Buffer {
  const all = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) at += piece.copy(all, at)
  return all
}
