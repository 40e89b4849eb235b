// What pipes cost, what a cache hit costs beside nginx's, and what merging costs beside an aggregator made by hand.
import type { Aim } from '../proxy/aims.js'
import { closedLoop } from '../proxy/columns.js'
import { ownLoad } from '../proxy/load/own.js'
import type { PeerName } from '../proxy/peers/index.js'
import { CACHED, MERGED, RICH, SMALL, type RequestShape } from '../proxy/requests.js'
import { comparison } from '../proxy/scenarios/comparison.js'
import type { Scenario } from '../proxy/scenarios/scenario.js'

interface Kept {
  readonly name: string
  readonly peers: readonly PeerName[]
  readonly request: RequestShape
  readonly reference: PeerName
  readonly referenceTitle: string
  readonly aims: readonly Aim[]
}

function kept({ request, referenceTitle, ...rest }: Kept): Scenario {
  return comparison({
    ...rest,
    columns: closedLoop(referenceTitle),
    loadWords: 'load.c over 64 connections',
    prepare: ({ tools }) => Promise.resolve({ load: ownLoad({ program: tools.load, connections: 64, request }) }),
  })
}

const pipes = { peers: ['us', 'us-pipes', 'nginx'], reference: 'us', referenceTitle: 'no pipes' } as const

export const PIPES: readonly Scenario[] = [
  kept({ name: 'pipes-small', request: SMALL, aims: [{ peer: 'us-pipes', atMost: 1.15 }], ...pipes }),
  kept({ name: 'pipes-headers', request: RICH, aims: [{ peer: 'us-pipes', atMost: 1.15 }], ...pipes }),
  kept({
    name: 'pipes-cache',
    peers: ['nginx-cache', 'us-cache', 'us', 'nginx'],
    request: CACHED,
    reference: 'nginx-cache',
    referenceTitle: 'proxy_cache',
    aims: [{ peer: 'us-cache', atMost: 1.3 }],
  }),
  kept({
    name: 'pipes-merge',
    peers: ['aggregator', 'us-merge'],
    request: MERGED,
    reference: 'aggregator',
    referenceTitle: 'by hand',
    aims: [{ peer: 'us-merge', atMost: 1 }],
  }),
]
