// A crowd of kept connections that have each made one request and are idle since.
import net from 'node:net'
import { AnswerReader } from './answer-reader.js'
import { answerCalls } from './calls.js'

let sockets: net.Socket[] = []

/** Connections that open at the same time. */
const AT_ONCE = 100

function join(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const reader = new AnswerReader()
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      reader.feed(chunk)
      if (reader.whole) resolve()
    })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: crowd\r\n\r\n`)
    sockets.push(socket)
  })
}

const calls = {
  /** Resolves when each has its answer. */
  async gather(port: number, path: string, count: number): Promise<void> {
    let begun = 0
    const loop = async (): Promise<void> => {
      while (begun < count) {
        begun++
        await join(port, path)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, loop))
  },
  /** How many the gateway has not closed. */
  open: () => sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length,
  disperse() {
    for (const socket of sockets) socket.destroy()
    sockets = []
  },
}

export type CrowdCalls = typeof calls
answerCalls(calls)
