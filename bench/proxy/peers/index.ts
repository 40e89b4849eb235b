// All proxies by the names that scenarios and flags use.
import { aggregator, cached, merged, nginxCache, threePipes } from '../../pipes/peers.js'
import { caddy } from './caddy.js'
import { express, fastify, httpProxy3, undici } from './from-npm.js'
import { haproxy } from './haproxy.js'
import { nginx, nginxBigBuffers, nginxStreamed } from './nginx.js'
import type { PeerKind } from './peer.js'
import { serverpyPeer } from './serverpy.js'

export const PEERS = {
  nginx,
  'nginx-256k': nginxBigBuffers,
  'nginx-streamed': nginxStreamed,
  haproxy,
  caddy,
  undici,
  fastify,
  'http-proxy-3': httpProxy3,
  express,
  us: serverpyPeer(),
  'us-batch': serverpyPeer(', batch: auto', { batch: 'auto' }),
  'us-pipes': threePipes,
  'us-cache': cached,
  'us-merge': merged,
  'nginx-cache': nginxCache,
  aggregator,
} as const satisfies Record<string, PeerKind>

export type PeerName = keyof typeof PEERS

export function isPeerName(name: string): name is PeerName {
  return Object.hasOwn(PEERS, name)
}
