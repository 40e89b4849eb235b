// Copies the body of an answer as it passes, within bounds, so that it can be stored when it has come whole.
import type { BodyWatcher } from '../pipe.js'

/** What all captures of a worker may hold together. */
export interface Budget {
  /** Bytes that are left. */
  left: number
}

/** Small pieces share blocks, which are as large as all before them, within these bounds: each block costs some hundred bytes. */
const LEAST_BLOCK_BYTES = 1024
const MOST_BLOCK_BYTES = 64 * 1024

export class Capture implements BodyWatcher {
  /** It came to nothing because of a bound. */
  tooLong = false
  private pieces: Buffer[] | undefined = []
  private bytes = 0
  /** What was taken of the budget. */
  private taken = 0
  /** The last piece is a block with room from here on. */
  private room: Buffer | undefined

  /** `most`: of this body. `done` is called once: undefined where the body did not come whole, or is too long. */
  constructor(
    private readonly most: number,
    private readonly budget: Budget,
    private readonly done: (body: Buffer | undefined) => void,
  ) {}

  piece(bytes: Buffer): void {
    if (this.pieces === undefined) return
    this.bytes += bytes.length
    if (this.bytes > this.most || !this.keep(bytes)) {
      this.tooLong = true
      this.giveUp()
    }
  }

  /** False: there is no memory left for it. */
  private keep(bytes: Buffer): boolean {
    const { pieces = [], room, budget } = this
    const fitting = bytes.copy(room ?? NO_ROOM)
    this.room = room?.subarray(fitting)
    const left = bytes.length - fitting
    if (left === 0) return true
    // Most bodies are one piece.
    const block = Math.min(MOST_BLOCK_BYTES, Math.max(LEAST_BLOCK_BYTES, this.taken))
    const size = pieces.length === 0 ? left : Math.max(left, block)
    if (size > budget.left) return false
    budget.left -= size
    this.taken += size
    // In memory of its own: what comes from Node's pool keeps eight kibibytes of it alive.
    const piece = Buffer.allocUnsafeSlow(size)
    bytes.copy(piece, 0, fitting)
    pieces.push(piece)
    this.room = piece.subarray(left)
    return true
  }

  end(whole: boolean): void {
    const { pieces, bytes } = this
    if (pieces === undefined) return
    if (!whole) return this.giveUp()
    this.settle()
    this.done(pieces.length === 1 ? pieces[0] : joined(pieces, bytes))
  }

  private giveUp(): void {
    if (this.pieces === undefined) return
    this.settle()
    this.done(undefined)
  }

  private settle(): void {
    this.budget.left += this.taken
    this.pieces = this.room = undefined
  }
}

const NO_ROOM = Buffer.alloc(0)

/** `bytes`: of them all; the last one may have room. */
function joined(pieces: readonly Buffer[], bytes: number): Buffer {
  const all = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (const piece of pieces) at += piece.copy(all, at)
  return all
}
