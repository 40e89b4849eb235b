// Small requests over connections that are kept: over few and many of them, with more fields, with a body, with two workers.
import type { Aim } from '../aims.js'
import { closedLoop } from '../columns.js'
import { ownLoad } from '../load/own.js'
import type { PeerName } from '../peers/index.js'
import { POST_1K, RICH, SMALL } from '../requests.js'
import type { RequestShape } from '../requests.js'
import { comparison } from './comparison.js'
import type { Scenario } from './scenario.js'
import type { StageOptions } from './stage.js'

const FAST: readonly PeerName[] = ['nginx', 'haproxy', 'us', 'us-batch']
const ALL: readonly PeerName[] = [...FAST, 'caddy', 'undici', 'fastify', 'http-proxy-3', 'express']

interface Kept extends StageOptions {
  readonly name: string
  readonly request: RequestShape
  readonly connections?: number
  readonly aims?: readonly Aim[]
}

function kept({ request, connections = 64, ...rest }: Kept): Scenario {
  return comparison({
    ...rest,
    columns: closedLoop(),
    loadWords: `load.c over ${connections} connections`,
    prepare: ({ tools }) => Promise.resolve({ load: ownLoad({ program: tools.load, connections, request }) }),
  })
}

/** The first two: what one more hop may cost; the others: what ours is meant to save. */
const SMALL_AIMS: readonly Aim[] = [
  { peer: 'us', atMost: 1.25 },
  { peer: 'us-batch', atMost: 0.9 },
  { peer: 'us', atMost: 1 / 4, of: 'caddy' },
  { peer: 'us', atMost: 1 / 5, of: 'fastify' },
  { peer: 'us', atMost: 1 / 25, of: 'express' },
]

const small = (connections: number) => kept({ name: `small-${connections}`, peers: FAST, request: SMALL, connections })

export const KEPT: readonly Scenario[] = [
  small(4),
  small(16),
  kept({ name: 'small-64', peers: ALL, request: SMALL, aims: SMALL_AIMS }),
  small(256),
  small(1000),
  kept({ name: 'headers', peers: ALL, request: RICH, aims: [{ peer: 'us', atMost: 1.2 }] }),
  kept({
    name: 'post',
    peers: ['nginx', 'haproxy', 'us', 'caddy', 'undici', 'fastify'],
    request: POST_1K,
    aims: [{ peer: 'us', atMost: 1.2 }],
  }),
  kept({ name: 'small-2-workers', peers: FAST, workers: 2, request: SMALL }),
]
