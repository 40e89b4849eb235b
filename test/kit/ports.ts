// Ports for real servers in tests: free ones, and whether anything listens on one.
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'

// Below what the system takes for outgoing connections and for whoever asks for any port: what is free now stays free until
// it is used. Each test process has a part of its own.
const LOWEST = 10_000
const PARTS = 100
const each = Math.floor((lowestOfSystem() - LOWEST) / PARTS)
const first = LOWEST + (process.pid % PARTS) * each
let next = Math.floor(Math.random() * each)

/** A TCP port that nothing listened on a moment ago; not the same one again for as long as there are others. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < each; tries++) {
    const port = first + (next++ % each)
    if (await isFree(port)) return port
  }
  throw new Error(`no port is free from ${first} on`)
}

function lowestOfSystem(): number {
  try {
    const lowest = Number(/^\d+/.exec(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1')))
    if (lowest >= LOWEST + 10 * PARTS) return lowest
  } catch {
    // Not Linux.
  }
  return 32_768
}

/** At any address of this machine. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
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
