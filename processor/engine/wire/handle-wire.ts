// A wire on one of Node's stream handles: a read is one call up, a write one call down, and nothing lies between.
import type net from 'node:net'
import { TLSSocket } from 'node:tls'
import { getSystemErrorName } from 'node:util'
import { native, type Native, type StreamHandle, type WriteRequest } from './native.js'
import { SHARED_BYTES, type Wire, type WireOwner } from './wire.js'
import { asTimer } from '../turn.js'

/** libuv's number for the end of a stream. */
const END_OF_STREAM = -4095

/** Where a read fills the shared buffer, the next ones get one of this size: a system call for 128 KiB, not for 16. */
const LONG_BYTES = 128 * 1024
const MOST_SPARE = 8
/** Bytes on their way out of all wires, beyond which reads stay short: clients that do not read must not cost much each. */
const MOST_UNFINISHED_BYTES = 32 * 1024 * 1024

// A read is used up before the next one begins, whoever it is for: all wires read into the same memory.
const shared: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES)
const spare: Buffer[] = []

const { WriteRequest, ShutdownRequest, state, bytesOrError, wasAsync } = native ?? ({} as Native)

let unfinishedBytes = 0

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
  /** The owner wants no long read next. */
  private settled = false
  /** The wire was paused since the last read: someone may still write from its buffer. */
  private lent = false
  private readonly secure: boolean
  private paused = true
  /** The peer has ended its side. */
  private finished = false
  /** Our end has been sent. */
  private shut = false
  /** What waits behind a write that has not finished: chunks, each followed by its encoding. */
  private waiting: (string | Buffer)[] | undefined
  /** A write has not finished: TLS takes one at a time, even of nothing. */
  private writing = false
  /** The handle is being called to write, and what it has said within the call. */
  private calling = false
  private saidWithin: number | undefined
  /** Its bytes. */
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
    this.secure = socket instanceof TLSSocket
    handle.reader = this
    handle.onread = onRead
    handle.useUserBuffer(shared)
  }

  /** For the handle only. */
  readDone(bytes: number): Buffer | undefined {
    if (bytes > 0) {
      this.lent = this.settled = false
      this.owner.wireRead(this.buffer, bytes)
      return this.closed ? undefined : this.nextBuffer(bytes)
    }
    if (bytes === END_OF_STREAM) this.peerEnded()
    else if (bytes < 0) this.fail(bytes)
    return undefined
  }

  private peerEnded(): void {
    // libuv reads the end anew whenever reading is resumed, and TLS has two: its own and TCP's.
    if (this.finished) return
    this.finished = true
    this.owner.wireEnded()
  }

  /** What the next read goes into, where that is another than before. */
  private nextBuffer(bytes: number): Buffer | undefined {
    const { buffer } = this
    const long = bytes >= SHARED_BYTES && !this.settled && !this.secure && unfinishedBytes <= MOST_UNFINISHED_BYTES
    if (long === (buffer !== shared)) return undefined
    // What is lent goes to the garbage collector when its last write is done.
    if (!long && !this.lent && spare.length < MOST_SPARE) spare.push(buffer)
    this.buffer = long ? (spare.pop() ?? Buffer.allocUnsafeSlow(LONG_BYTES)) : shared
    return this.buffer
  }

  write(text: string): void {
    // TLS says nothing by a write of nothing, and would read on within it.
    if (this.closed || (text === '' && (this.secure || this.writing))) return
    if (this.writing) return this.wait(text, 'latin1')
    const request = this.request()
    const error = this.handle.writeLatin1String(request, text)
    this.called(error, request, text.length, undefined)
  }

  writeBytes(text: string, bytes: Buffer): void {
    if (this.closed) return
    if (this.writing) {
      if (text !== '') this.wait(text, 'latin1')
      return this.wait(bytes, 'buffer')
    }
    const request = this.request()
    const error =
      text === ''
        ? this.handle.writeBuffer(request, bytes)
        : this.handle.writev(request, [text, 'latin1', bytes, 'buffer'], false)
    this.called(error, request, text.length + bytes.length, bytes)
  }

  private request(): WriteRequest {
    if (unused === undefined) {
      unused = new WriteRequest()
      unused.oncomplete = onWritten
    }
    // TLS may report a failure within the call.
    unused.writer = this
    this.calling = true
    return unused
  }

  private wait(chunk: string | Buffer, encoding: string): void {
    this.waiting ??= []
    this.waiting.push(chunk, encoding)
    this.backlog += chunk.length
  }

  private called(error: number, request: WriteRequest, bytes: number, held: unknown): void {
    this.calling = false
    const { saidWithin } = this
    if (saidWithin !== undefined) {
      unused = undefined
      this.saidWithin = undefined
      if (saidWithin === 0) return
      error = saidWithin
    }
    if (error !== 0) {
      // Whoever writes is in the middle of something: it hears of the end after that.
      setImmediate(asTimer(() => this.fail(error)))
      return
    }
    if (state[wasAsync] === 0) return
    unused = undefined
    this.writing = true
    this.underway = bytes
    this.backlog += bytes
    unfinishedBytes += bytes
    request.bytes = held
  }

  /** For the request only. */
  writeDone(status: number): void {
    if (this.closed) return
    if (this.calling) {
      this.saidWithin = status
      return
    }
    if (status < 0) return this.fail(status)
    this.writing = false
    this.backlog -= this.underway
    this.settleUnderway()
    const { waiting } = this
    if (waiting !== undefined) {
      this.waiting = undefined
      this.backlog = 0
      const bytes = waiting.reduce((sum, chunk, index) => (index % 2 === 0 ? sum + chunk.length : sum), 0)
      const request = this.request()
      this.called(this.handle.writev(request, waiting, false), request, bytes, waiting)
    }
    if (this.writing) return
    if (this.ended) this.shutdown()
    this.owner.wireDrained()
  }

  private settleUnderway(): void {
    unfinishedBytes -= this.underway
    this.underway = 0
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
    this.settled = true
  }

  end(): void {
    if (this.ended || this.closed) return
    this.ended = true
    if (!this.writing) this.shutdown()
  }

  private shutdown(): void {
    this.shut = true
    this.handle.shutdown(new ShutdownRequest())
  }

  destroy(): void {
    if (this.closed) return
    this.closed = true
    this.waiting = undefined
    this.settleUnderway()
    if (this.socket === undefined) this.handle.close()
    else this.socket.destroy()
  }

  reset(): void {
    // Refused after a shutdown: Node 20's sockets would try for ever. Within TLS an end without a farewell says the same.
    if (!this.closed && !this.shut) this.handle.reset?.()
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
