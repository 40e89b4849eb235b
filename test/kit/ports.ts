// Ports for real servers in tests: free ones, and whether anything listens on one.
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'

// Below what the system takes for outgoing connections and for whoever asks for any port: what is free now stays free until
// it is used. Each test process has a part of its own, which it holds by listening on the first port of it: two that took
// ports from one part would each be told of a port that it is free, before the server of the other listens there.
const LOWEST = 10_000
const PARTS = 100
const each = Math.floor((lowestOfSystem() - LOWEST) / PARTS)
let part: Promise<number> | undefined
let next = 0

/** A TCP port that nothing listens on and that no other test process is told; not the same one again for as long as there are others. */
export async function freePort(): Promise<number> {
  const first = (await (part ??= claimPart())) + 1
  const ports = each - 1
  for (let tries = 0; tries < ports; tries++) {
    const port = first + (next++ % ports)
    if (await isFree(port)) return port
  }
  throw new Error(`no port is free from ${first} on`)
}

/** Resolves with the first port of the part; it is held until this process ends. */
async function claimPart(): Promise<number> {
  for (let tries = 0; tries < PARTS; tries++) {
    const first = LOWEST + ((process.pid + tries) % PARTS) * each
    const holder = await listen(first)
    if (holder === undefined) continue
    holder.unref()
    return first
  }
  throw new Error(`all ${PARTS} parts of the ports for tests are taken`)
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

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port)
  if (server === undefined) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** At all addresses of this machine; undefined where another has the port at any of them. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, () => resolve(server))
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
