// nginx from Debian as its documentation sets up a proxy: kept-alive connections to the origin, HTTP/1.1, no access log.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nginxFile } from '../nginx-file.js'
import { startProxy } from './peer.js'
import type { PeerKind, Setup } from './peer.js'

const BIG_BUFFERS = `
      proxy_buffer_size 256k;
      proxy_buffers 8 256k;
      proxy_busy_buffers_size 512k;
      client_body_buffer_size 256k;`
/** Requests go on while they come, as answers do by default. */
const STREAMED = `${BIG_BUFFERS}
      proxy_request_buffering off;`

/** `variant` is what the label says beside name and version. */
function nginxPeer(variant: string, buffers: string): PeerKind {
  return {
    label: () => `nginx ${nginxVersion()}${variant}`,
    needs: ['nginx'],
    start(setup) {
      const file = join(setup.folder, 'nginx.conf')
      writeFileSync(file, config(setup, buffers))
      return startProxy(['nginx', '-p', setup.folder, '-c', file], setup)
    },
  }
}

export const nginx = nginxPeer('', '')
export const nginxBigBuffers = nginxPeer(', 256 KiB buffers', BIG_BUFFERS)
export const nginxStreamed = nginxPeer(', 256 KiB buffers, requests unbuffered', STREAMED)

function config(setup: Setup, buffers: string): string {
  const { port, originPort, tls } = setup
  const certificate = tls
    ? `
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate ${tls.certFile};
    ssl_certificate_key ${tls.keyFile};
    ssl_session_cache shared:tls:10m;`
    : ''
  return nginxFile(
    setup,
    `upstream origin { server 127.0.0.1:${originPort}; keepalive 1024; keepalive_requests 1000000000; }
  map $http_upgrade $upstream_connection { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port}${tls ? ' ssl' : ''} backlog=4096;${certificate}
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $upstream_connection;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;${buffers}
    }
  }`,
  )
}

export function nginxVersion(): string {
  const text = execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' })
  return /nginx\/([\d.]+)/.exec(text)?.[1] ?? ''
}
