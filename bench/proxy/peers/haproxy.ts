// HAProxy from Debian: one thread, connections to the origin shared by all clients, no logs.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProxy } from './peer.js'
import type { PeerKind, Setup } from './peer.js'

export const haproxy: PeerKind = {
  label: () => `HAProxy ${version()}`,
  needs: ['haproxy'],
  start(setup) {
    const file = join(setup.folder, 'haproxy.cfg')
    writeFileSync(file, config(setup))
    return startProxy(['haproxy', '-db', '-f', file], setup)
  },
}

function config({ folder, port, originPort, workers, tls }: Setup): string {
  let bind = `bind 127.0.0.1:${port} backlog 4096`
  if (tls) {
    const both = join(folder, 'both.pem')
    writeFileSync(both, readFileSync(tls.certFile, 'utf8') + readFileSync(tls.keyFile, 'utf8'))
    bind += ` ssl crt ${both} alpn http/1.1`
  }
  return `global
  nbthread ${workers}
  # Half of it are connections to the origin, which idle clients do not need.
  no strict-limits
  maxconn 15000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  http-reuse always
  option forwardfor
frontend clients
  ${bind}
  default_backend origin
backend origin
  server origin 127.0.0.1:${originPort}
`
}

function version(): string {
  return /version ([\d.]+)/.exec(execFileSync('haproxy', ['-v'], { encoding: 'utf8' }))?.[1] ?? ''
}
