// The proxies that are put to the test, by the names that flags use; ours first.
import { haproxy } from './haproxy.js'
import { nginx } from './nginx.js'
import type { PeerKind } from './peer.js'
import { serverpy } from './serverpy.js'

export const OURS = 'us'

export const PEERS: Readonly<Record<string, PeerKind>> = { [OURS]: serverpy(), nginx, haproxy }
