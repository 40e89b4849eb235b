// Ports for instances that come back to them: below the range that the system takes for outgoing connections, or one of those could sit
// on the port of an instance that is down, or even meet itself there.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const LOWEST = 12_000
const RANGE = '/proc/sys/net/ipv4/ip_local_port_range'

let next = LOWEST + (process.pid % 10_000)

export async function lastingPort(): Promise<number> {
  const [ceiling = 32_768] = readFileSync(RANGE, 'latin1').split(/\s+/).map(Number)
  for (;;) {
    const port = next
    next = next + 1 >= ceiling ? LOWEST : next + 1
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
