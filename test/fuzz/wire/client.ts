// A client on a raw socket that writes its bytes in the pieces it is told, and knows a reset from an end.
import { connect, type Socket } from 'node:net'
import { within } from '../../kit/wait.js'
import { toBuffer } from '../cases.js'

/** No answer of the gateway takes longer, however busy the machine is. */
const MOST_MS = 15_000

export interface Conversation {
  /** Everything that came, one character a byte. */
  readonly text: string
  /** `open`: neither side has ended. */
  readonly ended: 'open' | 'fin' | 'reset'
}

export class RawClient {
  private received = ''
  private ended: Conversation['ended'] = 'open'
  private wake = (): void => undefined
  private readonly socket: Socket

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1')
      this.wake()
    })
    this.socket.on('end', () => this.onEnd())
    this.socket.on('error', () => this.finish('reset'))
    this.socket.on('close', () => this.finish('reset'))
  }

  get heard(): Conversation {
    return { text: this.received, ended: this.ended }
  }

  /** Writes each piece by itself, and gives the other side time to read it before the next. */
  async send(pieces: readonly string[]): Promise<void> {
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) await turn()
      if (this.ended === 'reset') return
      await new Promise<void>((resolve) => this.socket.write(toBuffer(piece), () => resolve()))
    }
  }

  halfClose(): void {
    if (this.ended === 'open') this.socket.end()
  }

  /** Resolves when `enough` says so of what has come, or the other side has ended. */
  async until(enough: (text: string) => boolean, what: string): Promise<Conversation> {
    const heard = new Promise<void>((resolve) => {
      this.wake = () => {
        if (this.ended !== 'open' || enough(this.received)) resolve()
      }
      this.wake()
    })
    try {
      await within(heard, MOST_MS, what)
    } catch (error) {
      throw new Error(`no end to it; heard so far: ${JSON.stringify(this.received)}`, { cause: error })
    }
    return this.heard
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  close(): void {
    this.socket.destroy()
  }

  // A reset that comes with the last bytes is shown as an end; an empty write tells which it was.
  private onEnd(): void {
    if (this.socket.writableEnded) return this.finish('fin')
    this.socket.write('', (error) => this.finish(error ? 'reset' : 'fin'))
  }

  private finish(how: 'fin' | 'reset'): void {
    if (this.ended === 'open') this.ended = how
    this.wake()
  }
}

/** Lets everything that is ready be read: what was written before has arrived after two turns of the loop. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve))
}
