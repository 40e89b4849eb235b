// Writes messages to a wire, requests and answers alike: the head waits for the first piece of the body, so that a small
// message is one write.
import { latin1 } from './bytes.js'
import { SHARED_BYTES, type Wire } from './wire/wire.js'

/** Copies that may wait before whoever they come from is held back. */
const MOST_COPIED_BYTES = 16 * 1024

export class MessageWriter {
  private head = ''
  /** What was written before there was a wire: text, and bytes that their owner keeps as they are. */
  private early: (string | Buffer)[] = []
  private earlyBytes = 0

  constructor(private wire: Wire | undefined) {}

  /** Bytes that have not left yet. */
  get backlog(): number {
    return this.wire === undefined ? this.earlyBytes : this.wire.backlog
  }

  /** The connection stands: what waited for it leaves. */
  open(wire: Wire): void {
    this.wire = wire
    for (const chunk of this.early) {
      if (typeof chunk === 'string') wire.write(chunk)
      else wire.writeBytes('', chunk)
    }
    this.early = []
    this.earlyBytes = 0
  }

  /** Takes a whole head, with its empty line; it leaves with what comes next, or with `flush`. */
  begin(head: string): void {
    this.head = head
  }

  /**
   * Writes a piece: a copy of it up to `SHARED_BYTES`, from where it lies beyond. False: no more should come, and its
   * bytes must stay as they are, until `backlog` is 0.
   */
  piece(buf: Buffer, start: number, end: number): boolean {
    const { head, wire } = this
    this.head = ''
    if (end - start <= SHARED_BYTES) {
      this.write(head + latin1(buf, start, end))
      return this.backlog <= MOST_COPIED_BYTES
    }
    if (wire !== undefined) wire.writeBytes(head, buf.subarray(start, end))
    else {
      this.write(head)
      this.early.push(buf.subarray(start, end))
      this.earlyBytes += end - start
    }
    return this.backlog === 0
  }

  /** Writes framing, or a head that goes alone. */
  text(text: string): void {
    const { head } = this
    this.head = ''
    this.write(head + text)
  }

  flush(): void {
    if (this.head !== '') this.text('')
  }

  private write(text: string): void {
    if (this.wire !== undefined) this.wire.write(text)
    else {
      this.early.push(text)
      this.earlyBytes += text.length
    }
  }
}
