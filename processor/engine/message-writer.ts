// Writes messages to a socket, requests and answers alike: the head waits for the first piece of the body, so that a small
// message is one write.
import type net from 'node:net'
import { latin1 } from './bytes.js'

/** A piece up to this size is copied into one string with the head; a larger one goes out from where it lies. */
const JOIN_BYTES = 16 * 1024

export class MessageWriter {
  private head = ''

  /** `onWritten` is called when a piece of a body has left; the socket may still hold others. */
  constructor(
    private readonly socket: net.Socket,
    private readonly onWritten: () => void,
  ) {}

  /** Bytes that the socket has not taken yet. */
  get backlog(): number {
    return this.socket.writableLength
  }

  /** Takes a whole head, with its empty line; it leaves with what comes next, or with `flush`. */
  begin(head: string): void {
    this.head = head
  }

  /** Writes a piece. False: its bytes are still being written and must stay as they are until `backlog` is 0. */
  piece(buf: Buffer, start: number, end: number): boolean {
    const head = this.head
    this.head = ''
    if (end - start <= JOIN_BYTES && this.socket.writableLength === 0) {
      this.socket.write(head + latin1(buf, start, end), 'latin1', this.onWritten)
    } else {
      if (head !== '') this.socket.write(head, 'latin1')
      this.socket.write(buf.subarray(start, end), this.onWritten)
    }
    return this.socket.writableLength === 0
  }

  /** Writes framing, or a head that goes alone. */
  text(text: string): void {
    const all = this.head + text
    this.head = ''
    if (all !== '') this.socket.write(all, 'latin1', this.onWritten)
  }

  flush(): void {
    if (this.head !== '') this.text('')
  }
}
