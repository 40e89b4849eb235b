// A wire on one of Node's stream handles: a read is one call up, a write one call down, and nothing lies between.
import type net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { native, type Native, type StreamHandle, type WriteRequest } from './native.js'
import { SHARED_BYTES, type Wire, type WireOwner } from './wire.js'

/** libuv's number for the end of a stream. */
const END_OF_STREAM = -4095

/** Where a read fills the shared buffer, the next ones get one of this size: a system call for 128 KiB, not for 16. */
const LONG_BYTES = 128 * 1024
const MOST_SPARE = 8

// A read is used up before the next one begins, whoever it is for: all wires read into the same memory.
const shared: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES)
const spare: Buffer[] = []

const { WriteRequest, ShutdownRequest, state, bytesOrError, wasAsync } = native ?? ({} as Native)

// A write that finishes at once, as nearly all do, leaves its request unused.
let unused: WriteRequest | undefined

function onRead(this: StreamHandle): Buffer | undefined {
  return this.reader?.readDone(state[bytesOrError] ?? 0)
}

function onWritten(this: WriteRequest, status: number): void {
  this.writer?.writeDone(status)
}

export class HandleWire implements Wire {
  backlog = 0
  ended = false
  closed = false
  /** What the handle reads into; it keeps no reference of its own. */
  private buffer = shared
  private nextBuffer = shared
  /** The wire was paused since the last read: someone may still write from its buffer. */
  private lent = false
  private paused = true
  /** What waits behind a write that has not finished: chunks, each followed by its encoding. */
  private waiting: (string | Buffer)[] | undefined
  /** Bytes of the write that has not finished. */
  private underway = 0

  /**
   * `socket`: the one of Node's that stands above the handle, and closes with it. The caller starts reading with `resume`.
   */
  constructor(
    readonly handle: StreamHandle,
    public owner: WireOwner,
    readonly peer: string,
    private readonly socket?: net.Socket,
  ) {
    handle.reader = this
    handle.onread = onRead
    handle.useUserBuffer(shared)
  }

  /** For the handle only. */
  readDone(bytes: number): Buffer | undefined {
    if (bytes > 0) {
      this.lent = false
      if (bytes === SHARED_BYTES && this.buffer === shared) {
        this.nextBuffer = spare.pop() ?? Buffer.allocUnsafeSlow(LONG_BYTES)
      }
      this.owner.wireRead(this.buffer, bytes)
      return this.buffer === this.nextBuffer || this.closed ? undefined : this.swap()
    }
    if (bytes === END_OF_STREAM) this.owner.wireEnded()
    else if (bytes < 0) this.fail(bytes)
    return undefined
  }

  private swap(): Buffer {
    // What is lent goes to the garbage collector when its last write is done.
    if (this.buffer !== shared && !this.lent && spare.length < MOST_SPARE) spare.push(this.buffer)
    this.buffer = this.nextBuffer
    return this.buffer
  }

  write(text: string): void {
    if (this.closed) return
    if (this.backlog > 0) return this.wait(text, 'latin1')
    const request = (unused ??= new WriteRequest())
    const error = this.handle.writeLatin1String(request, text)
    this.called(error, request, text.length, undefined)
  }

  writeBytes(text: string, bytes: Buffer): void {
    if (this.closed) return
    if (this.backlog > 0) {
      if (text !== '') this.wait(text, 'latin1')
      return this.wait(bytes, 'buffer')
    }
    const request = (unused ??= new WriteRequest())
    const error =
      text === ''
        ? this.handle.writeBuffer(request, bytes)
        : this.handle.writev(request, [text, 'latin1', bytes, 'buffer'], false)
    this.called(error, request, text.length + bytes.length, bytes)
  }

  private wait(chunk: string | Buffer, encoding: string): void {
    this.waiting ??= []
    this.waiting.push(chunk, encoding)
    this.backlog += chunk.length
  }

  private called(error: number, request: WriteRequest, bytes: number, held: unknown): void {
    if (error !== 0) {
      // Whoever writes is in the middle of something: it hears of the end after that.
      setImmediate(() => this.fail(error))
      return
    }
    if (state[wasAsync] === 0) return
    unused = undefined
    this.underway = bytes
    this.backlog += bytes
    request.bytes = held
    request.writer = this
    request.oncomplete = onWritten
  }

  /** For the request only. */
  writeDone(status: number): void {
    if (this.closed) return
    if (status < 0) return this.fail(status)
    this.backlog -= this.underway
    this.underway = 0
    const { waiting } = this
    if (waiting !== undefined) {
      this.waiting = undefined
      this.backlog = 0
      const bytes = waiting.reduce((sum, chunk, index) => (index % 2 === 0 ? sum + chunk.length : sum), 0)
      const request = (unused ??= new WriteRequest())
      this.called(this.handle.writev(request, waiting, false), request, bytes, waiting)
    }
    if (this.backlog > 0) return
    if (this.ended) this.shutdown()
    this.owner.wireDrained()
  }

  pause(): void {
    if (this.paused || this.closed) return
    this.paused = this.lent = true
    this.handle.readStop()
  }

  resume(): void {
    if (!this.paused || this.closed) return
    this.paused = false
    this.handle.readStart()
  }

  settle(): void {
    this.nextBuffer = shared
  }

  end(): void {
    if (this.ended || this.closed) return
    this.ended = true
    if (this.backlog === 0) this.shutdown()
  }

  private shutdown(): void {
    this.handle.shutdown(new ShutdownRequest())
  }

  destroy(): void {
    if (this.closed) return
    this.closed = true
    this.waiting = undefined
    if (this.socket === undefined) this.handle.close()
    else this.socket.destroy()
  }

  reset(): void {
    // Refused after a shutdown: Node 20's sockets would try for ever. Within TLS an end without a farewell says the same.
    if (!this.closed && !this.ended) this.handle.reset?.()
    this.destroy()
  }

  /** The socket above has failed or closed. */
  lost(code: string): void {
    if (this.closed) return
    this.destroy()
    this.owner.wireClosed(code)
  }

  private fail(error: number): void {
    this.lost(getSystemErrorName(error))
  }
}
