// The listening socket, bound once and held by the supervisor: workers come and go, and while one is replaced the kernel
// queues connections where it would refuse them if the last worker's socket had been the only one.
import net from 'node:net'

/** A bound socket that a worker can listen on. */
export interface BoundHandle {
  close(): void
  getsockname(into: { port?: number }): number
}

interface NetInternals {
  _createServerHandle(address: string, port: number, family: 4 | 6, fd: number, flags: number): BoundHandle | number
}

/** Binds without accepting; port 0 picks a free one. Rejects with one line that says what to do. */
export async function bind(
  host: string | undefined,
  port: number,
  what: string,
): Promise<{ handle: BoundHandle; port: number }> {
  const { address, family } = await probe(host, port, what)
  const { _createServerHandle: create } = net as unknown as NetInternals
  if (typeof create !== 'function')
    throw new Error(`this version of Node (${process.version}) cannot share a bound socket`)
  const handle = create(address, port, family, -1, 0)
  if (typeof handle === 'number') throw new Error(`cannot bind port ${port} (${what}): error ${handle}`)
  const name: { port?: number } = {}
  handle.getsockname(name)
  return { handle, port: name.port ?? port }
}

/** Listens for a moment: a bind alone reports a taken port only once somebody listens. Resolves with where it listened. */
function probe(host: string | undefined, port: number, what: string): Promise<{ address: string; family: 4 | 6 }> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.on('error', (error: NodeJS.ErrnoException) => reject(new Error(explain(error, host, port, what))))
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      const { address, family } = server.address() as net.AddressInfo
      server.close(() => resolve({ address, family: family === 'IPv4' ? 4 : 6 }))
    })
  })
}

function explain(error: NodeJS.ErrnoException, host: string | undefined, port: number, what: string): string {
  if (error.code === 'EADDRINUSE')
    return `port ${port} is in use (${what}): stop what listens there or configure another port`
  if (error.code === 'EACCES')
    return `port ${port} needs more rights (${what}): use a port above 1023 or grant CAP_NET_BIND_SERVICE`
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return `no interface of this machine has the address ${host ?? ''} (${what})`
  return `cannot listen on port ${port} (${what}): ${error.message}`
}
