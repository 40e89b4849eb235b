// Ports for real servers in tests: free ones, and whether anything listens on one.
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

const handedOut = new Set<number>()

/** A TCP port on 127.0.0.1 that nothing listened on a moment ago; never the same one twice in a test process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer()
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo
        server.close(() => resolve(port))
      })
    })
    if (handedOut.has(port)) continue
    handedOut.add(port)
    return port
  }
}

/** Whether a connection to this port of 127.0.0.1 is accepted now. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
