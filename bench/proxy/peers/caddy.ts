// Caddy from Debian: a plain reverse proxy without its admin port, certificates of its own, or logs.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProxy } from './peer.js'
import type { PeerKind, Setup } from './peer.js'

export const caddy: PeerKind = {
  label: () => `Caddy ${/v?([\d.]+)/.exec(execFileSync('caddy', ['version'], { encoding: 'utf8' }))?.[1] ?? ''}`,
  needs: ['caddy'],
  start(setup) {
    const file = join(setup.folder, 'Caddyfile')
    writeFileSync(file, config(setup))
    // It keeps its last config where these point to.
    const env = { XDG_CONFIG_HOME: setup.folder, XDG_DATA_HOME: setup.folder }
    return startProxy(['caddy', 'run', '--adapter', 'caddyfile', '--config', file], setup, env)
  },
}

function config({ port, originPort, tls }: Setup): string {
  const scheme = tls ? 'https' : 'http'
  return `{
  admin off
  auto_https off
  log {
    output discard
  }
  servers {
    protocols h1
  }
}
${scheme}://127.0.0.1:${port} {
  bind 127.0.0.1
  ${tls ? `tls ${tls.certFile} ${tls.keyFile}` : ''}
  reverse_proxy 127.0.0.1:${originPort} {
    transport http {
      keepalive_idle_conns 2048
      keepalive_idle_conns_per_host 2048
    }
  }
}
`
}
