// The listening sockets, bound once and held by the supervisor: workers come and go, and while one is replaced the kernel
// queues connections where it would refuse them if the last worker's socket had been the only one.
import net from 'node:net'
import type { Config } from '../../shared/config/model.js'
import { hasSameAddress } from '../../shared/config/staying.js'

/** A bound socket that a worker can listen on. */
interface BoundHandle {
  close(): void
  getsockname(into: { port?: number }): number
}

interface NetInternals {
  _createServerHandle(address: string, port: number, family: 4 | 6, fd: number, flags: number): BoundHandle | number
}

export interface BoundPort {
  /** Of the listener; empty: the processor's own port. */
  readonly name: string
  /** As bound: never 0. */
  readonly port: number
  readonly handle: BoundHandle
  /** What the config asks for. */
  readonly wanted: Wanted
}

/** A port that is to be opened, and how the config calls it. */
interface Wanted {
  readonly name: string
  readonly host: string | undefined
  readonly port: number
  /** For people. */
  readonly whose: string
  readonly portKey: string
  readonly hostKey: string
  /** Where the config has it. */
  readonly path: string
}

/** A port cannot be had; the message is one line that says what to do. */
export class PortRefused extends Error {
  constructor(
    message: string,
    /** Where the config has the port. */
    readonly path: string,
  ) {
    super(message)
  }
}

/**
 * Binds the processor's own port, which comes first, and those of its listeners, without accepting; port 0 picks a free
 * one. What is `held` already is taken as it is. Rejects with a PortRefused, and leaves none open then but those.
 */
export async function bind(config: Config, held: readonly BoundPort[] = []): Promise<readonly BoundPort[]> {
  const all: BoundPort[] = []
  try {
    for (const wanted of wantedBy(config)) {
      const same = held.find((one) => hasSameAddress(one.wanted, wanted))
      all.push(same === undefined ? await bindOne(wanted) : { ...same, name: wanted.name, wanted })
    }
  } catch (error) {
    closeOthers(all, held)
    throw error
  }
  return all
}

/**
 * Those of `held` that are not wanted any more, and without whose end another one cannot be had: the system does not give a
 * port on all addresses while one of them has it, nor the other way round.
 */
export function inTheWay(config: Config, held: readonly BoundPort[]): readonly BoundPort[] {
  const all = wantedBy(config)
  return held.filter(
    ({ port, wanted }) =>
      !all.some((one) => hasSameAddress(one, wanted)) &&
      all.some((one) => one.port === port && overlap(one.host, wanted.host)),
  )
}

/** Closes those of `ports` that `kept` does not have. */
export function closeOthers(ports: readonly BoundPort[], kept: readonly BoundPort[]): void {
  const handles = new Set(kept.map(({ handle }) => handle))
  for (const { handle } of ports) if (!handles.has(handle)) handle.close()
}

/**
 * Whether all ports can be had: rejects as `bind` does. What is `held` and would stay is not tried, nor what would be had
 * only when one of those has been let go.
 */
export async function probe(config: Config, held: readonly BoundPort[] = []): Promise<void> {
  const way = inTheWay(config, held)
  for (const wanted of wantedBy(config)) {
    const isHeld = held.some((one) => hasSameAddress(one.wanted, wanted))
    if (!isHeld && !way.some(({ port }) => port === wanted.port)) await listenOnce(wanted)
  }
}

/** Throws a PortRefused where one port is wanted twice: bound and not listened on, the second would be had, too. */
function wantedBy({ layout, processor: { host, port, listeners } }: Config): Wanted[] {
  const key = (name: string) => (layout === 'classic' ? `meta-info.request_processor_${name}` : `processor.${name}`)
  const own = { portKey: key('port'), hostKey: key('host'), path: key('port') }
  const all: Wanted[] = [{ name: '', host, port, whose: 'request processor', ...own }]
  const place = layout === 'classic' ? 'meta-info.listeners' : 'processor.listeners'
  for (const [i, listener] of listeners.entries()) {
    const { name } = listener
    const whose = `listener "${name}"`
    const path = `${place}[${i}].port`
    const twin = all.find(
      (one) => one.port === listener.port && listener.port !== 0 && overlap(one.host, listener.host),
    )
    if (twin) {
      const message = `port ${listener.port} is given twice: to the ${twin.whose} and to the ${whose}`
      throw new PortRefused(message, path)
    }
    const keys = { portKey: `port of the ${whose}`, hostKey: `host of the ${whose}`, path }
    all.push({ name, host: listener.host, port: listener.port, whose, ...keys })
  }
  return all
}

function overlap(one: string | undefined, other: string | undefined): boolean {
  return one === other || [one, other].some((host) => host === undefined || host === '0.0.0.0' || host === '::')
}

async function bindOne(wanted: Wanted): Promise<BoundPort> {
  const { name, port, whose, path } = wanted
  const { address, family } = await listenOnce(wanted)
  const { _createServerHandle: create } = net as unknown as NetInternals
  if (typeof create !== 'function')
    throw new Error(`this version of Node (${process.version}) cannot share a bound socket`)
  const handle = create(address, port, family, -1, 0)
  if (typeof handle === 'number')
    throw new PortRefused(`port ${port} cannot be opened (${whose}): error ${handle}`, path)
  const bound: { port?: number } = {}
  handle.getsockname(bound)
  return { name, handle, port: bound.port ?? port, wanted }
}

/** Listens for a moment: a bind alone reports a taken port only once somebody listens. Resolves with where it listened. */
function listenOnce(wanted: Wanted): Promise<{ address: string; family: 4 | 6 }> {
  const { host, port } = wanted
  return new Promise((resolve, reject) => {
    // Whoever connects meanwhile must not hold up its end.
    const server = net.createServer((socket) => socket.destroy())
    server.on('error', (error: NodeJS.ErrnoException) => reject(new PortRefused(explain(error, wanted), wanted.path)))
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      const { address, family } = server.address() as net.AddressInfo
      server.close(() => resolve({ address, family: family === 'IPv4' ? 4 : 6 }))
    })
  })
}

function explain(error: NodeJS.ErrnoException, { host, port, whose, portKey, hostKey }: Wanted): string {
  const where = `(${whose}): set ${portKey}`
  if (error.code === 'EADDRINUSE') return `port ${port} is in use ${where} to a free one, or stop what listens there`
  if (error.code === 'EACCES')
    return `port ${port} may not be opened by this user ${where} to one above 1023, or grant CAP_NET_BIND_SERVICE`
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN')
    return `${host ?? 'the host'} is no address of this machine (${whose}): set ${hostKey} to one, or leave it out`
  return `port ${port} cannot be opened ${where}: ${error.message}`
}
