// Wires of every kind, each with its far end in the hands of the test: a plain socket of Node's, or TLS on top of one.
import assert from 'node:assert/strict'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import { createWireServer } from '../../../../processor/engine/wire/accept.js'
import { connect } from '../../../../processor/engine/wire/connect.js'
import { HandleWire } from '../../../../processor/engine/wire/handle-wire.js'
import { SocketWire } from '../../../../processor/engine/wire/socket-wire.js'
import { NOBODY } from '../../../../processor/engine/wire/take-over.js'
import type { Wire, WireOwner } from '../../../../processor/engine/wire/wire.js'
import { makeCertificate } from '../../../kit/certificates.js'
import type { Cleanup } from '../../../kit/process.js'
import { waitFor } from '../../../kit/wait.js'

export interface WireKind {
  readonly made: 'accepted' | 'dialled'
  readonly secure: boolean
  /** Above Node's sockets, even where handles can be had. */
  readonly useSockets: boolean
}

export const nameOf = ({ made, secure, useSockets }: WireKind): string =>
  `${secure ? 'TLS' : 'plain'} ${made} on ${useSockets ? 'sockets' : 'handles'}`

/** The far end of a wire. */
export class Peer {
  readonly stream: net.Socket
  /** `closed`: FIN. `reset`: the connection broke. */
  end: 'open' | 'closed' | 'reset' = 'open'
  bytes = 0
  private readonly chunks: Buffer[] = []

  /** `below`: the TCP connection; `stream`: what speaks over it, the same where nothing lies between. */
  constructor(
    readonly below: net.Socket,
    stream: net.Socket,
  ) {
    this.stream = stream
    stream.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.bytes += chunk.length
    })
    stream.on('end', () => this.over('closed'))
    stream.on('error', () => this.over('reset'))
    stream.on('close', () => this.over('closed'))
    if (below !== stream) below.on('error', () => this.over('reset'))
  }

  private over(how: 'closed' | 'reset'): void {
    if (this.end === 'open') this.end = how
  }

  received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  async until(bytes: number): Promise<Buffer> {
    await waitFor(() => this.bytes >= bytes, { timeoutMs: 20_000, what: `${bytes} bytes at the far end` })
    return this.received()
  }

  async ended(): Promise<'closed' | 'reset'> {
    return waitFor(() => (this.end === 'open' ? undefined : this.end), { what: 'the end of the far end' })
  }

  /**
   * Whether the connection was broken and not ended. libuv shows a reset that comes with the last bytes as an end; the
   * system tells the two apart at the next write.
   */
  async wasReset(): Promise<boolean> {
    if ((await this.ended()) === 'reset') return true
    return new Promise((resolve) => this.below.write('?', (error) => resolve(error !== null && error !== undefined)))
  }

  reset(): void {
    this.below.resetAndDestroy()
  }
}

/** Owns a wire and writes down what it hears. */
export class Listener implements WireOwner {
  /** All but the reads, in order: `ended`, `drained`, `closed CODE`. */
  readonly events: string[] = []
  bytes = 0
  wire: Wire | undefined
  onRead: (buf: Buffer, bytes: number) => void = () => undefined
  onEnded: () => void = () => undefined
  onDrained: () => void = () => undefined
  private readonly chunks: Buffer[] = []

  wireRead(buf: Buffer, bytes: number): void {
    assert.ok(bytes > 0 && bytes <= buf.length, `${bytes} bytes of ${buf.length}`)
    this.chunks.push(Buffer.from(buf.subarray(0, bytes)))
    this.bytes += bytes
    this.onRead(buf, bytes)
  }

  wireEnded(): void {
    this.events.push('ended')
    this.onEnded()
  }

  wireDrained(): void {
    assert.equal(this.wire?.backlog, 0)
    this.events.push('drained')
    this.onDrained()
  }

  wireClosed(code: string): void {
    this.events.push(`closed ${code}`)
  }

  received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  async until(bytes: number): Promise<Buffer> {
    await waitFor(() => this.bytes >= bytes, { timeoutMs: 20_000, what: `${bytes} bytes on the wire` })
    return this.received()
  }

  async heard(event: string | RegExp): Promise<void> {
    const fits = (one: string) => (typeof event === 'string' ? one === event : event.test(one))
    await waitFor(() => this.events.some(fits), { what: `${event} among ${JSON.stringify(this.events)}` })
  }

  /** What was heard of either end. */
  get ends(): string[] {
    return this.events.filter((one) => one !== 'drained')
  }
}

export interface Pair {
  readonly wire: Wire
  readonly owner: Listener
  readonly peer: Peer
}

export interface Rig {
  /** A new wire that is being read, and its far end. */
  open(): Promise<Pair>
}

let made: Promise<{ cert: string; key: string }> | undefined
const certificate = () => (made ??= makeCertificate({ names: ['IP:127.0.0.1'] }))

export async function startRig(t: Cleanup, kind: WireKind): Promise<Rig> {
  const secureContext = kind.secure ? tls.createSecureContext(await certificate()) : undefined
  const { open, server } = kind.made === 'accepted' ? accepting(kind, secureContext) : dialling(kind, secureContext)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const pairs: Pair[] = []
  t.after(() => {
    server.close()
    for (const { wire, peer } of pairs) {
      wire.destroy()
      peer.stream.destroy()
      peer.below.destroy()
    }
  })
  return {
    async open() {
      const pair = await open((server.address() as AddressInfo).port)
      assert.ok(pair.wire instanceof (kind.useSockets ? SocketWire : HandleWire))
      pair.owner.wire = pair.wire
      pairs.push(pair)
      return pair
    },
  }
}

interface Maker {
  readonly server: net.Server
  open(port: number): Promise<Pair>
}

function accepting({ useSockets }: WireKind, secureContext: tls.SecureContext | undefined): Maker {
  const arrivals: ((wire: Wire) => void)[] = []
  const options = secureContext && (() => ({ isServer: true, secureContext }))
  const server = createWireServer(
    { tls: options, handshakeMs: 5000, useSockets },
    {
      mayShakeHands: () => true,
      accepted: (wire) => arrivals.shift()?.(wire),
      acceptFailed: (code) => assert.fail(code),
    },
  )
  return {
    server,
    async open(port) {
      const owner = new Listener()
      const arrived = new Promise<Wire>((resolve) => {
        arrivals.push((wire) => {
          wire.owner = owner
          wire.resume()
          resolve(wire)
        })
      })
      const below = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
      const peer = new Peer(below, secureContext === undefined ? below : tls.connect({ socket: below, ...TRUSTING }))
      return { wire: await arrived, owner, peer }
    },
  }
}

const TRUSTING = { rejectUnauthorized: false, allowHalfOpen: true }

function dialling({ useSockets }: WireKind, secureContext: tls.SecureContext | undefined): Maker {
  const arrivals: ((peer: Peer) => void)[] = []
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (below) => {
    const stream = secureContext === undefined ? below : new tls.TLSSocket(below, { isServer: true, secureContext })
    arrivals.shift()?.(new Peer(below, stream))
  })
  const secure = secureContext && { options: () => ({ rejectUnauthorized: false }), keepSessions: () => undefined }
  return {
    server,
    async open(port) {
      const owner = new Listener()
      const arrived = new Promise<Peer>((resolve) => arrivals.push(resolve))
      const target = { host: '127.0.0.1', port, tls: secure, keepAliveMs: 0, useSockets }
      const wire = await new Promise<Wire>((resolve, reject) => {
        const connectFailed = (code: string) => reject(new Error(code))
        connect(target, NOBODY, {
          connectedTo(wire) {
            wire.owner = owner
            resolve(wire)
          },
          connectFailed,
        })
      })
      return { wire, owner, peer: await arrived }
    },
  }
}
