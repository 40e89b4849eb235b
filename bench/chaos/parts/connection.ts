// A client's kept connection with one request on it at a time.
import net from 'node:net'
import { AnswerReader } from '../../endurance/parts/answer-reader.js'
import { answerTo } from './messages.js'

export type Outcome = string
type Done = (outcome: Outcome, retryAfter: boolean) => void

/** Twice what any proxy here may take: whoever answers after its own deadline has not kept to it. */
const PATIENCE_MS = 10_000

export class Connection {
  /** Another request may be sent. */
  usable = true
  private readonly socket: net.Socket
  private reader = new AnswerReader()
  private head = ''
  private id = ''
  private done: Done | undefined
  private patience: NodeJS.Timeout | undefined

  constructor(port: number, onClose: () => void) {
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (chunk: Buffer) => this.feed(chunk))
    this.socket.on('end', () => this.broken())
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.broken(error.code))
    this.socket.on('close', () => {
      this.broken()
      onClose()
    })
  }

  send(request: string, id: string, done: Done): void {
    this.reader = new AnswerReader()
    this.head = ''
    this.id = id
    this.done = done
    this.patience = setTimeout(() => this.broken('out of patience'), PATIENCE_MS)
    this.socket.write(request)
  }

  close(): void {
    this.usable = false
    this.socket.destroy()
  }

  private feed(chunk: Buffer): void {
    const { reader } = this
    if (reader.status === 0) this.head += chunk.toString('latin1')
    const taken = this.done === undefined ? 0 : reader.feed(chunk)
    // Bytes that answer nothing are somebody else's.
    if (taken < chunk.length) return this.finish('wrong', false)
    if (!reader.whole) return
    const right = reader.status !== 200 || reader.text === answerTo(this.id)
    this.finish(right ? String(reader.status) : 'wrong', !/\r\nconnection: close/i.test(this.head))
  }

  private broken(how = 'closed'): void {
    const { status, whole } = this.reader
    this.finish(status > 0 && !whole ? `${status} cut` : how, false)
  }

  private finish(outcome: Outcome, usable: boolean): void {
    const { done } = this
    this.done = undefined
    clearTimeout(this.patience)
    if (!usable) this.close()
    done?.(outcome, /\r\nretry-after:/i.test(this.head))
  }
}
