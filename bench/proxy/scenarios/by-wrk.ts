// Bodies of 1 MiB, connections used once, TLS: closed loops that wrk makes.
import type { Aim } from '../aims.js'
import { closedLoop } from '../columns.js'
import { wrk } from '../load/wrk.js'
import type { PeerName } from '../peers/index.js'
import { DOWNLOAD, LAST, SMALL, UPLOAD } from '../requests.js'
import type { RequestShape } from '../requests.js'
import { comparison } from './comparison.js'
import type { Scenario } from './scenario.js'
import type { StageOptions } from './stage.js'

interface ByWrk extends StageOptions {
  readonly name: string
  readonly request: RequestShape
  readonly connections?: number
  readonly reference?: PeerName
  readonly referenceTitle?: string
  /** How the connections differ, for the line under the table. */
  readonly words?: string
  readonly aims?: readonly Aim[]
}

function byWrk({ request, connections = 64, words, referenceTitle, ...rest }: ByWrk): Scenario {
  return comparison({
    ...rest,
    columns: closedLoop(referenceTitle),
    loadWords: `wrk over ${connections} connections${words === undefined ? '' : `, ${words}`}`,
    prepare: () => Promise.resolve({ load: wrk({ connections, request, tls: rest.tls === true }) }),
  })
}

const BODY_PEERS: readonly PeerName[] = ['nginx-256k', 'nginx', 'haproxy', 'caddy', 'undici', 'us']
const bodies = { connections: 16, reference: 'nginx-256k', referenceTitle: 'nginx 256 KiB' } as const
const oneConnectionEach = { request: LAST, words: 'a new one for each request' }

export const BODIES: readonly Scenario[] = [
  byWrk({ name: 'down', request: DOWNLOAD, peers: BODY_PEERS, ...bodies, aims: [{ peer: 'us', atMost: 1 }] }),
  byWrk({
    name: 'up',
    request: UPLOAD,
    peers: [...BODY_PEERS, 'nginx-streamed'],
    ...bodies,
    aims: [{ peer: 'us', atMost: 1 }],
  }),
]

export const NEW_CONNECTIONS: readonly Scenario[] = [
  byWrk({
    name: 'new',
    peers: ['nginx', 'haproxy', 'caddy', 'fastify', 'us'],
    ...oneConnectionEach,
    aims: [{ peer: 'us', atMost: 2 }],
  }),
  byWrk({
    name: 'new-2-workers',
    peers: ['nginx', 'us'],
    workers: 2,
    ...oneConnectionEach,
    aims: [{ peer: 'us', atMost: 2 }],
  }),
]

export const TLS: readonly Scenario[] = [
  byWrk({
    name: 'tls',
    peers: ['nginx', 'haproxy', 'caddy', 'fastify', 'us'],
    tls: true,
    request: SMALL,
    aims: [{ peer: 'us', atMost: 1.4 }],
  }),
  byWrk({ name: 'tls-new', peers: ['nginx', 'haproxy', 'us'], tls: true, ...oneConnectionEach }),
]
