// A client on a raw socket that sends exact bytes, whole or in pieces, and keeps what comes back.
import net from 'node:net'
import type { ClientStep } from './case.js'
import { STRICT } from './reading/dialect.js'
import { read, type Reading, statusOf } from './reading/read.js'

/** How the bytes of a step leave: in one write, a line at a time, or byte by byte, each in a turn of its own. */
export type Delivery = 'whole' | 'lines' | 'bytes' | { readonly splitAt: number }

const LONGEST_WAIT_MS = 1500

export class Client {
  received = ''
  /** How the gateway has ended the connection. */
  ended: 'no' | 'fin' | 'reset' = 'no'
  private left = false
  private readonly socket: net.Socket
  private wake = (): void => undefined

  private constructor(
    port: number,
    private readonly methods: string[],
  ) {
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1')
      this.wake()
    })
    const end = (how: 'fin' | 'reset') => () => {
      if (this.ended === 'no') this.ended = how
      this.wake()
    }
    this.socket.on('end', end('fin'))
    this.socket.on('error', end('reset'))
    this.socket.on('close', end('reset'))
  }

  /** `methods`: of the requests that it will send, which tell how their answers are framed. */
  static async connect(port: number, methods: readonly string[] = []): Promise<Client> {
    const client = new Client(port, [...methods])
    await new Promise((resolve) => {
      client.socket.once('connect', resolve)
      client.socket.once('close', resolve)
    })
    return client
  }

  get answers(): Reading {
    return read(this.received, STRICT, { answersTo: this.methods, closed: this.ended === 'fin' })
  }

  get finals(): number {
    return this.answers.messages.filter((message) => statusOf(message) >= 200).length
  }

  get open(): boolean {
    return this.ended === 'no' && !this.left
  }

  async send(steps: readonly ClientStep[], delivery: Delivery): Promise<void> {
    for (const step of steps) {
      if (step === 'fin' || step === 'reset') this.leave(step)
      else if (typeof step !== 'string') await this.until(() => this.answers.messages.length >= step.awaits)
      else {
        for (const piece of pieces(step, delivery)) {
          if (!this.socket.writable) return
          this.socket.write(piece, 'latin1')
          if (delivery !== 'whole') await new Promise((resolve) => setImmediate(resolve))
        }
      }
    }
  }

  private leave(how: 'fin' | 'reset'): void {
    this.left = true
    if (how === 'fin') this.socket.end()
    else this.socket.resetAndDestroy()
  }

  /** Whether it came true in time and before the connection ended, if at all. */
  async until(condition: () => boolean): Promise<boolean> {
    let late = false
    const limit = setTimeout(() => {
      late = true
      this.wake()
    }, LONGEST_WAIT_MS)
    while (!condition() && this.ended === 'no' && !late) await new Promise<void>((resolve) => (this.wake = resolve))
    clearTimeout(limit)
    return condition()
  }

  /** Waits for the end of a connection that the gateway has announced to end. */
  async end(): Promise<boolean> {
    return this.until(() => this.ended !== 'no')
  }

  /** One more request, and whether its answer is the one that belongs to it: undefined, or what came instead. */
  async ask(target: string, expected: string): Promise<string | undefined> {
    const { finals } = this
    const before = this.received.length
    this.methods[finals] = 'GET'
    this.socket.write(`GET ${target} HTTP/1.1\r\nHost: gate.test\r\n\r\n`)
    await this.until(() => this.finals > finals)
    const { messages, ends } = this.answers
    const last = messages.at(-1)
    const right = messages.length > 0 && last?.body === expected && statusOf(last) === 200 && ends === 'between'
    return right && this.finals === finals + 1 ? undefined : this.received.slice(before)
  }

  destroy(): void {
    this.socket.destroy()
  }
}

function pieces(text: string, delivery: Delivery): string[] {
  if (delivery === 'whole') return [text]
  if (delivery === 'bytes') return [...text]
  if (delivery === 'lines') return text.split(/(?<=\n)/)
  return [text.slice(0, delivery.splitAt), text.slice(delivery.splitAt)].filter((piece) => piece !== '')
}
