// The near end of a WebSocket: sends messages of all sizes and holds every echo against what was sent.
import { createHash, randomBytes } from 'node:crypto'
import net from 'node:net'
import { readHead, fieldValues } from '../../../test/kit/message.js'
import { acceptOf, frame, FrameReader, Opcode } from '../frames.js'
import { answerCalls } from './calls.js'
import { createRandom } from './random.js'

export interface EchoSummary {
  readonly sent: number
  readonly echoed: number
  readonly bytes: number
  /** Checksums over all messages, lengths included, as sent and as they came back. */
  readonly sentSum: string
  readonly echoedSum: string
  /** The message that the origin sent together with its 101. */
  readonly greeting: string
  readonly seconds: number
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
/** Most messages are small and some need the longest form of a length. */
const LARGEST = 200_000
/** Messages on their way at once. */
const WINDOW = 64

class WebSocketClient {
  onMessage: (opcode: number, payload: Buffer) => void = () => undefined
  closedAt = 0
  greeting: string | undefined
  private readonly reader = new FrameReader((opcode, payload) => {
    if (this.greeting === undefined) this.greeting = payload.toString('latin1')
    else this.onMessage(opcode, payload)
  })

  constructor(readonly socket: net.Socket) {
    socket.on('close', () => (this.closedAt = performance.now()))
    socket.on('end', () => socket.end())
  }

  feed(chunk: Buffer): void {
    if (chunk.length > 0) this.reader.feed(chunk)
  }

  send(opcode: Opcode, payload: Buffer): void {
    this.socket.write(frame(opcode, payload, randomBytes(4)))
  }
}

function open(port: number, path: string): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const client = new WebSocketClient(socket)
    let bytes = Buffer.alloc(0)
    const onHead = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk])
      const head = readHead(bytes)
      if (head === undefined) return
      socket.off('data', onHead)
      const accept = fieldValues(head.fields, 'sec-websocket-accept')[0]
      if (!head.startLine.startsWith('HTTP/1.1 101 ') || accept !== acceptOf(KEY)) {
        reject(new Error(`no WebSocket: ${bytes.toString('latin1', 0, 300)}`))
        return
      }
      socket.on('data', (more: Buffer) => client.feed(more))
      client.feed(bytes.subarray(head.end))
      resolve(client)
    }
    socket.on('data', onHead)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed before the answer')))
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: websocket\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
    )
  })
}

let idle: WebSocketClient | undefined

const calls = {
  /** Sends `messages` and resolves when as many have come back, or the connection has ended. */
  async echo(port: number, path: string, messages: number): Promise<EchoSummary> {
    const random = createRandom(11)
    const client = await open(port, path)
    const [sentHash, echoedHash] = [createHash('sha256'), createHash('sha256')]
    const startedAt = performance.now()
    let [sent, echoed, bytes] = [0, 0, 0]
    const send = (): void => {
      while (sent < messages && sent - echoed < WINDOW) {
        sent++
        const payload = randomBytes(Math.floor(LARGEST * random() ** 12))
        bytes += payload.length
        sentHash.update(`${payload.length}:`).update(payload)
        client.send(sent % 2 === 0 ? Opcode.Text : Opcode.Binary, payload)
      }
    }
    await new Promise<void>((resolve) => {
      client.onMessage = (opcode, payload) => {
        if (opcode === Opcode.Close) {
          client.socket.end()
          return
        }
        echoedHash.update(`${payload.length}:`).update(payload)
        if (++echoed === messages) client.send(Opcode.Close, Buffer.alloc(0))
        else send()
      }
      client.socket.once('close', () => resolve())
      send()
    })
    return {
      sent,
      echoed,
      bytes,
      sentSum: sentHash.digest('hex'),
      echoedSum: echoedHash.digest('hex'),
      greeting: client.greeting ?? '',
      seconds: (performance.now() - startedAt) / 1000,
    }
  },
  /** Opens one that then stays as it is. */
  async stay(port: number, path: string): Promise<void> {
    idle = await open(port, path)
    idle.socket.on('error', () => undefined)
  },
  /** Whether that one has ended. */
  stayEnded: () => (idle?.closedAt ?? 0) > 0,
}

export type WebSocketCalls = typeof calls
answerCalls(calls)
