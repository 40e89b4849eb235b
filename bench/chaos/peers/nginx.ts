// nginx as a careful operator would set it up for this job. The open source one does not poll: what a request meets is all it knows.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nginxFile } from '../../proxy/nginx-file.js'
import { nginx as plain } from '../../proxy/peers/nginx.js'
import { type PeerKind, type Setup, startCommand } from './peer.js'
import { TERMS } from './terms.js'

export const nginx: PeerKind = {
  label: (ours) => plain.label(ours),
  needs: ['nginx'],
  async start(setup) {
    const file = join(setup.folder, 'nginx.conf')
    writeFileSync(file, config(setup))
    return { process: await startCommand(['nginx', '-p', setup.folder, '-c', file], setup) }
  },
}

// One failure is enough to leave an instance alone for the time of a poll, as one failed poll is for the others; more would be lost on
// requests that may not be repeated. POST is not: that is the default, without `non_idempotent`.
function config({ folder, port, instances }: Setup): string {
  const { attempts, connectMs, perTryMs, totalMs, pollMs, workers } = TERMS
  const servers = instances.map((at) => `server 127.0.0.1:${at} max_fails=1 fail_timeout=${pollMs / 1000}s;`)
  return nginxFile(
    { folder, workers },
    `upstream work {
    zone work 256k;
    random two least_conn;
    ${servers.join('\n    ')}
    keepalive 256;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://work;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_connect_timeout ${connectMs}ms;
      proxy_send_timeout ${perTryMs}ms;
      proxy_read_timeout ${perTryMs}ms;
      proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries ${attempts};
      proxy_next_upstream_timeout ${totalMs}ms;
    }
  }`,
  )
}
