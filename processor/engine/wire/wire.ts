// A stream of bytes to one peer, as the engine sees it: what it can be told, and what it tells.

/** Bytes of one read that fit here are copied by whoever wants to keep them; only longer reads have a buffer of their own. */
export const SHARED_BYTES = 16 * 1024

/** A peer that is silent for so long is asked by the system whether it is there: where nothing else would find out. */
export const KEEP_ALIVE_MS = 60_000

/** Hears what happens on a wire. After `wireClosed`, or a `destroy` of its own, it hears nothing more. */
export interface WireOwner {
  /**
   * `buf[0, bytes)` has arrived. Valid until the call returns; where the wire was paused within it, a piece of more than
   * `SHARED_BYTES` until `resume`.
   */
  wireRead(buf: Buffer, bytes: number): void
  /** The peer has ended its side. */
  wireEnded(): void
  /** All that was written has left, after some of it had to wait. */
  wireDrained(): void
  /** The connection is gone. `code` is the system's or OpenSSL's word for why; empty where the end was orderly. */
  wireClosed(code: string): void
}

export interface Wire {
  owner: WireOwner
  /** The peer's address; empty once it is unknown. */
  readonly peer: string
  /** Bytes that were written and have not left. */
  readonly backlog: number
  /** `end` was called. */
  readonly ended: boolean
  readonly closed: boolean
  /** Writes text of Latin-1, which keeps every byte. Empty text has a plain connection that is gone say so. */
  write(text: string): void
  /** Writes `text`, then bytes that must stay as they are until `backlog` is 0. */
  writeBytes(text: string, bytes: Buffer): void
  pause(): void
  resume(): void
  /** A message has ended: no more long reads for now. To be called within `wireRead`. */
  settle(): void
  /** Ends our side once all that was written has left. */
  end(): void
  /** Closes at once, silently. What has not left is lost. */
  destroy(): void
  /** As `destroy`, and the peer sees a reset where one can be sent. */
  reset(): void
}
