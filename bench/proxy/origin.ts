// The origins that all proxies share: nginx for HTTP, because it is real and cheap, and load/echo.c for WebSocket.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, isListening } from '../../test/kit/ports.js'
import type { Cleanup } from '../../test/kit/process.js'
import { waitFor } from '../../test/kit/wait.js'
import type { Tools } from './install.js'
import { nginxFile } from './nginx-file.js'
import { LOAD_CORE, startPinned } from './pinned.js'
import { LARGE_BYTES, PATHS, SLOW_MS } from './requests.js'

const here = dirname(fileURLToPath(import.meta.url))

/** Resolves with its port when it listens. */
export async function startHttpOrigin(folder: string, cleanup: Cleanup): Promise<number> {
  const home = join(folder, 'origin')
  mkdirSync(join(home, dirname(PATHS.large)), { recursive: true })
  writeFileSync(join(home, PATHS.large), Buffer.alloc(LARGE_BYTES, 'x'))
  const socket = join(home, 'slow.sock')
  const slow = [process.execPath, join(here, 'slow-origin.mjs'), socket, String(SLOW_MS)]
  await startPinned(LOAD_CORE, slow, { t: cleanup, ready: /ready/ })
  const port = await freePort()
  const file = join(home, 'nginx.conf')
  writeFileSync(file, config(home, port, socket))
  await startPinned(LOAD_CORE, ['nginx', '-p', home, '-c', file], { t: cleanup })
  await waitFor(() => isListening(port), { what: 'the origin to listen' })
  return port
}

export async function startEchoOrigin(tools: Tools, cleanup: Cleanup): Promise<number> {
  const port = await freePort()
  await startPinned(LOAD_CORE, [tools.echo, String(port)], { t: cleanup })
  await waitFor(() => isListening(port), { what: 'the WebSocket origin to listen' })
  return port
}

function config(home: string, port: number, slowSocket: string): string {
  const body = JSON.stringify({ service: 'orders', items: [17, 18, 19], note: 'x'.repeat(96) })
  const left = JSON.stringify({ id: 17, name: 'A. Customer', email: 'a@example.org', tags: ['a', 'b', 'c'] })
  const right = JSON.stringify({
    orders: [
      { id: 1, sum: 9.5 },
      { id: 2, sum: 12 },
    ],
    total: 2,
  })
  const fields = Object.entries(RICH_ANSWER).map(([name, value]) => `add_header ${name} '${value}';`)
  return nginxFile(
    { folder: home, workers: 1 },
    `upstream slow { server unix:${slowSocket}; keepalive 1024; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    default_type application/json;
    location / { return 200 '${body}'; }
    location = ${PATHS.rich} {
      ${fields.join('\n      ')}
      return 200 '${body}';
    }
    location = ${PATHS.cached} { add_header Cache-Control 'public, max-age=3600'; return 200 '${body}'; }
    location = ${PATHS.left} { return 200 '${left}'; }
    location = ${PATHS.right} { return 200 '${right}'; }
    location = ${PATHS.large} { root ${home}; }
    location = ${PATHS.slow} {
      proxy_pass http://slow;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
    }
    # nginx has no answer of its own that waits for the body: the mirror makes it read that before it looks for the file.
    location = ${PATHS.body} {
      client_body_buffer_size 2m;
      mirror /none;
      mirror_request_body on;
      error_page 404 =200 @taken;
      log_not_found off;
      root ${home};
    }
    location = /none { internal; return 204; }
    location @taken { return 200 '${body}'; }
  }`,
  )
}

/** Beside Server, Date, Content-Type, Content-Length and Connection. */
const RICH_ANSWER: Readonly<Record<string, string>> = {
  'Cache-Control': 'private, max-age=0, must-revalidate',
  ETag: '"33a64df551425fcc55e4d42a148795d9f25f89d4"',
  Vary: 'Accept-Encoding, Origin',
  'X-Request-Id': '7f9c1c2e-51b9-4f3c-9a4e-0d2f6d1b7a55',
  'X-Response-Time': '3ms',
  'X-Content-Type-Options': 'nosniff',
  'X-RateLimit-Limit': '1000',
  'X-RateLimit-Remaining': '987',
  'Access-Control-Allow-Origin': 'https://shop.example.org',
  'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
  'Set-Cookie': 'session=4f1c9e0f7f2b4f0f8a5d; Path=/; HttpOnly; SameSite=Lax',
}
