// Follows one answer as a client sees it: which status, how much of its body, and whether it came whole.
import { fieldValues, readHead } from '../../../test/kit/message.js'

/** What is kept of a body, to look at: the answers whose text matters are small. */
const MOST_TEXT = 4096

export class AnswerReader {
  /** Of the final answer; 0 until its head has come. */
  status = 0
  bodyBytes = 0
  text = ''
  problem = false
  whole = false
  private head = Buffer.alloc(0)
  private length = Infinity

  /** Takes what came; returns how much of it belonged to this answer. */
  feed(chunk: Buffer): number {
    if (this.status !== 0) return this.body(chunk)
    const before = this.head.length
    this.head = Buffer.concat([this.head, chunk])
    let from = 0
    for (;;) {
      const head = readHead(this.head, from)
      if (head === undefined) return chunk.length
      from = head.end
      const status = Number(head.startLine.split(' ')[1])
      if (status < 200 && status !== 101) continue
      this.status = status
      this.length = Number(fieldValues(head.fields, 'content-length')[0] ?? Infinity)
      this.problem = fieldValues(head.fields, 'content-type')[0] === 'application/problem+json'
      return head.end - before + this.body(chunk.subarray(head.end - before))
    }
  }

  private body(chunk: Buffer): number {
    const taken = Math.min(chunk.length, this.length - this.bodyBytes)
    this.bodyBytes += taken
    if (this.text.length < MOST_TEXT) this.text += chunk.toString('latin1', 0, Math.min(taken, MOST_TEXT))
    this.whole = this.bodyBytes === this.length
    return taken
  }

  /** How the answer stands once its connection has gone: `200`, `408`, `200 cut`, `nothing`. */
  verdict(): string {
    if (this.status === 0) return 'nothing'
    return this.whole ? String(this.status) : `${this.status} cut`
  }
}
