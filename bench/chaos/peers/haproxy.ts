// HAProxy as a careful operator would set it up for this job: it polls, and five errors of traffic in a row count like a failed poll.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { haproxy as plain } from '../../proxy/peers/haproxy.js'
import { type PeerKind, type Setup, startCommand } from './peer.js'
import { TERMS } from './terms.js'

export const haproxy: PeerKind = {
  label: (ours) => plain.label(ours),
  needs: ['haproxy'],
  async start(setup) {
    const file = join(setup.folder, 'haproxy.cfg')
    writeFileSync(file, config(setup))
    return { process: await startCommand(['haproxy', '-db', '-f', file], setup) }
  },
}

function config({ port, instances }: Setup): string {
  const { attempts, connectMs, perTryMs, totalMs, pollMs, pollTimeoutMs, workers } = TERMS
  const servers = instances.map((at, i) => `server i${i + 1} 127.0.0.1:${at}`)
  return `global
  nbthread ${workers}
  no strict-limits
  maxconn 15000
defaults
  mode http
  timeout connect ${connectMs}ms
  timeout client 1h
  timeout http-keep-alive 1h
  timeout server ${perTryMs}ms
  timeout queue ${totalMs}ms
  timeout check ${pollTimeoutMs}ms
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  default_backend work
backend work
  balance random(2)
  http-reuse always
  retries ${attempts - 1}
  option redispatch 1
  retry-on conn-failure empty-response junk-response response-timeout 0rtt-rejected 500 502 503 504
  http-request disable-l7-retry if METH_POST
  option httpchk
  http-check send meth GET uri /health ver HTTP/1.1 hdr Host chaos
  http-check expect status 200
  default-server check inter ${pollMs}ms rise 1 fall 1 observe layer7 error-limit 5 on-error mark-down
  ${servers.join('\n  ')}
`
}
