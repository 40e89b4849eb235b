// What pipes and merging are measured against: nginx with its own cache, and an aggregator as one writes it by hand.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../test/kit/ports.js'
import { nginxFile } from '../proxy/nginx-file.js'
import { nginxVersion } from '../proxy/peers/nginx.js'
import { startProxy, type PeerKind } from '../proxy/peers/peer.js'
import { mainOf, serverpyConfig, serverpyPeer } from '../proxy/peers/serverpy.js'
import { PATHS } from '../proxy/requests.js'

const here = dirname(fileURLToPath(import.meta.url))

/** What many gateways have in front of every route: fields set and removed, an address list, CORS. */
const HEADER_PIPES = [
  { use: 'headers', request: { set: { 'X-Gateway': 'serverpy' }, remove: ['X-Debug'] } },
  { use: 'ip', deny: ['203.0.113.0/24', '2001:db8::/32'] },
  {
    use: 'headers',
    name: 'security',
    response: { set: { 'X-Frame-Options': 'DENY', 'Referrer-Policy': 'no-referrer' } },
  },
]

const CACHE = [{ use: 'cache' }]

export const threePipes = serverpyPeer(', three pipes', { pipes: HEADER_PIPES })
export const cached = serverpyPeer(', cache', { pipes: CACHE })

/** A route that puts two answers together. */
export const merged: PeerKind = {
  ...serverpyPeer(', merge'),
  async start(setup) {
    const file = join(setup.folder, 'services.json')
    const parts = [PATHS.left, PATHS.right].map((path) => ({ service: 'bench', path }))
    const config = {
      ...serverpyConfig(setup, await freePort()),
      routes: [{ match: { path: PATHS.both, exact: true }, merge: parts }],
    }
    writeFileSync(file, JSON.stringify(config))
    return startProxy([process.execPath, mainOf(setup.ours), '-c', file, '-l', 'warn'], setup)
  },
}

export const nginxCache: PeerKind = {
  label: () => `nginx ${nginxVersion()}, proxy_cache`,
  needs: ['nginx'],
  start(setup) {
    const file = join(setup.folder, 'nginx.conf')
    const { folder, port, originPort } = setup
    const http = `upstream origin { server 127.0.0.1:${originPort}; keepalive 1024; keepalive_requests 1000000000; }
  proxy_cache_path ${folder}/cache keys_zone=answers:10m max_size=1g inactive=1h;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_cache answers;
      proxy_cache_lock on;
      add_header X-Cache-Status $upstream_cache_status;
    }
  }`
    writeFileSync(file, nginxFile(setup, http))
    return startProxy(['nginx', '-p', folder, '-c', file], setup)
  },
}

export const aggregator: PeerKind = {
  label: () => `node:http, by hand`,
  needs: [],
  start(setup) {
    const args = [String(setup.port), String(setup.originPort), PATHS.left, PATHS.right]
    return startProxy([process.execPath, join(here, 'aggregator.mjs'), ...args], setup)
  },
}
