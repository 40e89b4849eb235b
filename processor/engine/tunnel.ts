// A connection after it has switched protocols: bytes pass both ways as they come, each side held back by the other, and a
// tunnel without a byte for too long ends.
import { latin1 } from './bytes.js'
import { Deadline, type Wheel } from './wheel.js'
import { SHARED_BYTES, type Wire, type WireOwner } from './wire/wire.js'

/**
 * `ended`: both sides have said all that they had to say. `idle`: neither did for too long. `cut`: this gateway wanted it.
 * `client`, `upstream`: whose connection broke.
 */
export type TunnelEnd = 'ended' | 'idle' | 'cut' | 'client' | 'upstream'

export interface TunnelEvents {
  /** Bytes have passed: towards the instance, or towards the client. */
  passed(bytes: number, towards: 'upstream' | 'client'): void
  /** It is over, and both connections are gone. */
  over(how: TunnelEnd): void
}

export class Tunnel {
  private readonly client: Side
  private readonly upstream: Side
  private readonly deadline: Deadline
  private isOver = false

  /** Takes both wires over from their owners. */
  constructor(
    client: Wire,
    upstream: Wire,
    private readonly wheel: Wheel,
    private readonly idleMs: number,
    private readonly events: TunnelEvents,
  ) {
    this.deadline = new Deadline(() => this.end('idle', (wire) => wire.destroy()))
    this.client = new Side(client, this, 'upstream')
    this.upstream = new Side(upstream, this, 'client')
    this.client.other = this.upstream
    this.upstream.other = this.client
    this.alive()
    client.resume()
    upstream.resume()
  }

  /** Bytes that had come before the switch. */
  early(from: 'client' | 'upstream', buf: Buffer, start: number, end: number): void {
    if (end > start) this[from].forward(buf, start, end)
  }

  passed(bytes: number, towards: 'upstream' | 'client'): void {
    this.alive()
    this.events.passed(bytes, towards)
  }

  private alive(): void {
    this.wheel.set(this.deadline, this.idleMs)
  }

  look(): void {
    if (this.client.done && this.upstream.done) this.end('ended', (wire) => wire.destroy())
  }

  destroy(): void {
    this.end('cut', (wire) => wire.destroy())
  }

  /** One side broke: the other must not take that for an orderly end. */
  broke(side: 'client' | 'upstream'): void {
    this.end(side, (wire) => wire.reset())
  }

  private end(how: TunnelEnd, close: (wire: Wire) => void): void {
    if (this.isOver) return
    this.isOver = true
    this.wheel.clear(this.deadline)
    close(this.client.wire)
    close(this.upstream.wire)
    this.events.over(how)
  }
}

class Side implements WireOwner {
  other: Side | undefined
  private finished = false

  constructor(
    readonly wire: Wire,
    private readonly tunnel: Tunnel,
    private readonly towards: 'upstream' | 'client',
  ) {
    wire.owner = this
  }

  wireRead(buf: Buffer, bytes: number): void {
    this.forward(buf, 0, bytes)
  }

  forward(buf: Buffer, start: number, end: number): void {
    const to = (this.other as Side).wire
    this.tunnel.passed(end - start, this.towards)
    if (end - start <= SHARED_BYTES) to.write(latin1(buf, start, end))
    else to.writeBytes('', buf.subarray(start, end))
    if (to.backlog > 0) this.wire.pause()
  }

  /** The other side may still have something to say. */
  wireEnded(): void {
    this.finished = true
    const other = this.other as Side
    other.wire.end()
    this.tunnel.look()
  }

  wireDrained(): void {
    const other = this.other as Side
    if (!other.finished) other.wire.resume()
    this.tunnel.look()
  }

  /** Nothing more will come from here, and all that came has gone on. */
  get done(): boolean {
    return this.finished && (this.other as Side).wire.backlog === 0
  }

  wireClosed(): void {
    this.tunnel.broke(this.towards === 'upstream' ? 'client' : 'upstream')
  }
}
