// Clients that break off: each connection ends with a reset, at another moment of an exchange.
import net from 'node:net'
import { answerCalls } from './calls.js'
import { createRandom, oneOf } from './random.js'

export interface ResetPlan {
  readonly port: number
  /** The service's first path segment, with its slash. */
  readonly service: string
  readonly count: number
  /** Connections at once. */
  readonly concurrency: number
  readonly seed: number
}

const MOST_WAIT_MS = 30

/** What a client sends before it resets; all of it, or only the first bytes. */
type Bytes = (service: string) => string

const WHOLE: readonly Bytes[] = [
  () => '',
  (service) => `GET ${service}/echo/x HTTP/1.1\r\nHost: h\r\n\r\n`,
  (service) => `GET ${service}/bytes/3000000 HTTP/1.1\r\nHost: h\r\n\r\n`,
  (service) => `GET ${service}/drip/100000 HTTP/1.1\r\nHost: h\r\n\r\n`,
  (service) => `GET ${service}/hold HTTP/1.1\r\nHost: h\r\n\r\n`,
  (service) => `GET ${service}/chaos HTTP/1.1\r\nHost: h\r\n\r\n`,
  (service) => `GET ${service}/echo/x HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(5),
  (service) => `GET ${service}/bytes/300000 HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(5),
  (service) => `GET ${service}/chaos HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(3),
  (service) => `PUT ${service}/sink/0 HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n${'u'.repeat(100_000)}`,
  (service) =>
    `PUT ${service}/sink/1000 HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n${'u'.repeat(3_000_000)}`,
  (service) => `PUT ${service}/chaos HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n${'u'.repeat(300_000)}`,
  (service) =>
    `PUT ${service}/sink/0 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${`3e8\r\n${'c'.repeat(1000)}\r\n`.repeat(50)}0\r\n\r\n`,
  (service) =>
    `PUT ${service}/chaos HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${`3e8\r\n${'c'.repeat(1000)}\r\n`.repeat(50)}0\r\n\r\n`,
  (service) =>
    `PUT ${service}/sink/0 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n${'u'.repeat(5000)}`,
  (service) => `PUT ${service}/sink/0 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n`,
]

/** One connection from its first byte to its end. */
function breakOff({ port, service }: ResetPlan, random: () => number): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    const all = oneOf(random, WHOLE)(service)
    const cut = random() < 0.5 ? all.length : Math.floor(random() * all.length)
    // In two pieces now and then, so that no phase is met by whole heads only.
    const split = Math.floor(random() * cut)
    socket.write(all.slice(0, split))
    if (random() < 0.7) socket.on('data', () => undefined)
    const halfCloses = random() < 0.1
    setTimeout(() => {
      if (socket.destroyed) return
      socket.write(all.slice(split, cut))
      if (halfCloses) socket.end()
    }, random() * 5)
    // After end() a reset is no longer to be had from Node; closing with bytes unread makes the kernel send one.
    setTimeout(() => (halfCloses ? socket.destroy() : socket.resetAndDestroy()), 5 + random() * MOST_WAIT_MS)
  })
}

const calls = {
  /** Resolves with the number of connections when all of them have ended. */
  async run(plan: ResetPlan): Promise<number> {
    const random = createRandom(plan.seed)
    let begun = 0
    const loop = async (): Promise<void> => {
      while (begun < plan.count) {
        begun++
        await breakOff(plan, random)
      }
    }
    await Promise.all(Array.from({ length: plan.concurrency }, loop))
    return begun
  },
}

export type ResetterCalls = typeof calls
answerCalls(calls)
