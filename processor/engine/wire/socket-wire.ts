// A wire on any of Node's sockets: for TLS, and for a Node that does not show its handles.
import type net from 'node:net'
import tls from 'node:tls'
import type { Wire, WireOwner } from './wire.js'

export class SocketWire implements Wire {
  ended = false
  closed = false
  readonly peer: string
  private ending = false

  /** The caller starts reading with `resume`. */
  constructor(
    readonly socket: net.Socket,
    public owner: WireOwner,
  ) {
    this.peer = socket.remoteAddress ?? ''
    socket.pause()
    socket.on('data', (chunk: Buffer) => {
      if (!this.closed) this.owner.wireRead(chunk, chunk.length)
    })
    socket.on('end', () => {
      if (!this.closed) this.owner.wireEnded()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => this.gone(error.code ?? error.message))
    socket.on('close', () => this.gone(''))
  }

  get backlog(): number {
    return this.socket.writableLength
  }

  write(text: string): void {
    // TLS says nothing by a write of nothing, and would read on within it.
    if (this.closed || (text === '' && this.socket instanceof tls.TLSSocket)) return
    this.socket.write(text, 'latin1', this.onWritten)
  }

  writeBytes(text: string, bytes: Buffer): void {
    if (this.closed) return
    if (text === '') {
      this.socket.write(bytes, this.onWritten)
      return
    }
    this.socket.cork()
    this.socket.write(text, 'latin1')
    this.socket.write(bytes, this.onWritten)
    this.socket.uncork()
  }

  private readonly onWritten = (): void => {
    if (this.closed || this.backlog > 0) return
    if (this.ended) this.finish()
    this.owner.wireDrained()
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  /** Each read of a socket has a buffer of its own. */
  settle(): void {}

  end(): void {
    if (this.ended || this.closed) return
    this.ended = true
    if (this.backlog === 0) this.finish()
  }

  private finish(): void {
    if (this.ending) return
    this.ending = true
    this.socket.end()
  }

  destroy(): void {
    if (this.closed) return
    this.closed = true
    this.socket.destroy()
  }

  reset(): void {
    // After end() Node 20 cannot reset: the handle would spin for ever. Within TLS an end without a farewell says the same.
    if (!this.closed && !this.ending && !(this.socket instanceof tls.TLSSocket)) this.socket.resetAndDestroy()
    this.destroy()
  }

  private gone(code: string): void {
    if (this.closed) return
    this.destroy()
    this.owner.wireClosed(code)
  }
}
