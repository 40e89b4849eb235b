// The loads of load.c: a fixed rate, a share of slow requests counted apart, WebSocket messages, connections that only stay.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunningProcess } from '../../../test/kit/process.js'
import { LOAD_CORE, startPinned } from '../pinned.js'
import { encode } from '../requests.js'
import type { RequestShape } from '../requests.js'
import type { Burst, Load, LoadResult } from './load.js'
import { resultOf } from './output.js'

export interface OwnOptions {
  /** The compiled program. */
  readonly program: string
  readonly connections: number
  readonly request: RequestShape
  /** Requests per second, whatever the proxy answers; without it a closed loop. */
  readonly rate?: number
  /** At most so many in a closed loop, whatever time is left. */
  readonly requests?: number
  /** One request in `every`, by chance. */
  readonly slow?: { readonly request: RequestShape; readonly every: number }
  /** The request is a handshake, and messages of so many bytes follow. */
  readonly messageBytes?: number
}

export function ownLoad(options: OwnOptions): Load {
  return async (burst) => {
    const running = await connect(options, burst)
    burst.begin()
    running.kill('SIGUSR1')
    return resultOf<LoadResult>('the load', running, burst.seconds)
  }
}

/** Resolves when all connections stand and have had a first answer each; they stay until the process is stopped. */
export async function connect(options: OwnOptions, burst: Omit<Burst, 'begin'>): Promise<RunningProcess> {
  const { program, connections, request, requests, rate, slow, messageBytes } = options
  const file = (name: string, shape: RequestShape) => {
    const path = join(burst.folder, name)
    writeFileSync(path, encode(shape, burst.port))
    return path
  }
  const numbers: Record<string, number | undefined> = { port: burst.port, connections, seconds: burst.seconds }
  const given = {
    ...numbers,
    requests,
    rate,
    payload: messageBytes,
    'slow-every': slow?.every,
    request: file('request', request),
  }
  const args = Object.entries(slow ? { ...given, slow: file('slow-request', slow.request) } : given)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [`--${name}`, String(value)])
  const command = rate === undefined ? [program, ...args] : [...FIRST_IN_LINE, program, ...args]
  return startPinned(LOAD_CORE, command, { t: burst.cleanup, ready: /ready\n/ })
}

/**
 * A load that is late because the origin holds their core would take that for the proxy's doing. Only root may go first;
 * without it the latencies at a fixed rate are longer for every proxy alike.
 */
const FIRST_IN_LINE: readonly string[] = process.getuid?.() === 0 ? ['chrt', '--fifo', '1'] : []
