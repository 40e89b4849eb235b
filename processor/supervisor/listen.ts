// The listening socket, bound once and held by the supervisor: workers come and go, and while one is replaced the kernel
// queues connections where it would refuse them if the last worker's socket had been the only one.
import net from 'node:net'
import type { Config } from '../../shared/config/model.js'

/** A bound socket that a worker can listen on. */
export interface BoundHandle {
  close(): void
  getsockname(into: { port?: number }): number
}

interface NetInternals {
  _createServerHandle(address: string, port: number, family: 4 | 6, fd: number, flags: number): BoundHandle | number
}

/** Binds without accepting; port 0 picks a free one. Rejects with one line that says what to do. */
export async function bind(config: Config): Promise<{ handle: BoundHandle; port: number }> {
  const { port } = config.processor
  const { address, family } = await probe(config)
  const { _createServerHandle: create } = net as unknown as NetInternals
  if (typeof create !== 'function')
    throw new Error(`this version of Node (${process.version}) cannot share a bound socket`)
  const handle = create(address, port, family, -1, 0)
  if (typeof handle === 'number') throw new Error(`port ${port} cannot be opened (request processor): error ${handle}`)
  const name: { port?: number } = {}
  handle.getsockname(name)
  return { handle, port: name.port ?? port }
}

/**
 * Listens for a moment: a bind alone reports a taken port only once somebody listens. Resolves with where it listened;
 * rejects as `bind` does.
 */
export function probe(config: Config): Promise<{ address: string; family: 4 | 6 }> {
  const { host, port } = config.processor
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.on('error', (error: NodeJS.ErrnoException) => reject(new Error(explain(error, config))))
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      const { address, family } = server.address() as net.AddressInfo
      server.close(() => resolve({ address, family: family === 'IPv4' ? 4 : 6 }))
    })
  })
}

function explain(error: NodeJS.ErrnoException, { layout, processor }: Config): string {
  const { host, port } = processor
  const key = (name: string) => (layout === 'classic' ? `meta-info.request_processor_${name}` : `processor.${name}`)
  const where = `(request processor): set ${key('port')}`
  if (error.code === 'EADDRINUSE') return `port ${port} is in use ${where} to a free one, or stop what listens there`
  if (error.code === 'EACCES')
    return `port ${port} may not be opened by this user ${where} to one above 1023, or grant CAP_NET_BIND_SERVICE`
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN')
    return `${host ?? 'the host'} is no address of this machine (request processor): set ${key('host')} to one, or leave it out`
  return `port ${port} cannot be opened ${where}: ${error.message}`
}
