// A worker's live state for one listener: what has come through its port, and what becomes of its connections once that is
// closed.
import type { ListenerCount } from '../shared/metrics/report.js'
import type { RouteTable } from './routing/table.js'

export class LiveListener {
  /** Connections that are open. */
  connections = 0
  /** Its port is closed for good: by this table go the requests that still come on its connections. */
  last: RouteTable | undefined
  /** Called when the last connection has gone. */
  emptied: () => void = () => undefined
  private accepted = 0
  private refused = 0
  private bytesIn = 0
  private bytesOut = 0

  /** `name`: empty for the processor's own port. */
  constructor(readonly name: string) {}

  came(): void {
    this.connections++
    this.accepted++
  }

  went(): void {
    if (--this.connections === 0) this.emptied()
  }

  /** A connection was turned away: it would have been one too many. */
  turnedAway(): void {
    this.refused++
  }

  /** Of a connection that carries no requests: those count their own bytes. */
  passed(bytes: number, towards: 'upstream' | 'client'): void {
    if (towards === 'upstream') this.bytesIn += bytes
    else this.bytesOut += bytes
  }

  /** What was counted since the last call; undefined where nothing was. */
  take(): ListenerCount | undefined {
    const { name: listener, accepted, refused, bytesIn, bytesOut } = this
    if (accepted + refused + bytesIn + bytesOut === 0) return undefined
    this.accepted = this.refused = this.bytesIn = this.bytesOut = 0
    return { listener, accepted, refused, bytesIn, bytesOut }
  }
}
