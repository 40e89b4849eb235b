// Config texts that several tests start from, and short ways to parse them.
import assert from 'node:assert/strict'
import { basename } from 'node:path'
import type { Config, Problem } from '../../../shared/config/model.js'
import { parseConfig } from '../../../shared/config/parse.js'
import { formatProblem } from '../../../shared/config/problem.js'
import type { FileRead } from '../../../shared/config/small-file.js'
import { makeCertificate } from '../../kit/certificates.js'

/** For a.example and every name below b.example. */
export const PEM = await makeCertificate({ names: ['DNS:a.example', 'DNS:*.b.example'] })

/** By file name: every folder has these. Any other file is a certificate. */
const FILES: Readonly<Record<string, string>> = { 'key.pem': PEM.key }

export const DEPS = {
  cwd: '/srv/app',
  cores: 4,
  read: (path: string): FileRead => ({ ok: true, bytes: Buffer.from(FILES[basename(path)] ?? PEM.cert) }),
}

type Env = Record<string, string>

/** The layout that ServerPy's users have, as JSON. */
export const CLASSIC_JSON = `{
  "service1": {
    "servers": {
      "www.google.com": { "method": "ping", "frequency": 80, "retries": 0, "packet_limit": 5000, "priority": "high" },
      "www.google.co.in": { "method": "ping", "frequency": 80, "retries": 0, "packet_limit": 5000 }
    },
    "apis": ["/first", "/second/sample"]
  },
  "service2": {
    "servers": ["127.0.0.1:8080"],
    "polling": { "method": "health", "endpoint": "/health", "retries": 3, "retry_delay": 10, "packet_limit": 10000 },
    "apis": ["/second", "/third"]
  },
  "meta-info": {
    "discovery_server_name": "My Discovery Server",
    "request_processor_name": "My Request Processor",
    "discovery_server_port": 8008,
    "request_processor_port": 8081
  }
}
`

/** The same as YAML, with the processor on a server's own address. */
export const CLASSIC_YAML = `service1:
  servers:
    google.com: { method: ping, frequency: 80, retries: 0, packet_limit: 5000, priority: high }
    google.co.in: { method: ping, frequency: 80, retries: 0, packet_limit: 5000 }
  apis: [/first, /second/sample]
service2:
  servers: ['127.0.0.1:8080']
  polling: { method: health, endpoint: /health, retries: 3, retry_delay: 10, packet_limit: 10000 }
  apis: [/second, /third]
meta-info:
  discovery_server_name: My Discovery Server
  request_processor_name: My Request Processor
  discovery_server_port: 8008
  request_processor_port: 8080
`

/** Every key of the full layout. */
export const FULL_YAML = `version: 1
discovery:
  { name: D, host: 127.0.0.1, port: 9008, store: memory, token: '\${TOKEN}', concurrency: 10, jitter: 0.2,
    retention: { schedule: '0 3 * * *', events: 1d, minutes: 2d, hours: 3d, requests: 4d, gone: 5d },
    dump_file: out/all.dump, dump_schedule: '0 * * * *' }
processor:
  { name: P, host: '::1', port: 9001, workers: 3, hang: 2s, trusted_proxies: [10.0.0.0/8, '::1'], request_limit: 7,
    zone: b, access_log: { sample: 0.25 }, tracing: { endpoint: 'https://traces.internal/v1/traces', sample: 0.5, headers: { X-Key: k } },
    tls: { certificates: [{ cert: tls/cert.pem, key: tls/key.pem }, { cert: b.pem, key: key.pem, hosts: [A.example, '*.b.example.'] }], min_version: TLSv1.3 },
    limits: { head: 16KiB, fields: 50, uri: 8KiB, body: 64MB, body_rate: 1KiB, requests: 1000, connections: 10, client_connections: 9, upstream_connections: 11, idle_upstream_connections: 12 },
    timeouts: { connect: 1, first_byte: 2s, idle_ms: 3000, total: 4, request_head: 5, keep_alive: 6, upgraded: 9, upstream_keep_alive: 7, drain: 8 }, batch: auto,
    pipes: [{ use: rate-limit, name: fair, when: 'request.method == "GET"', on_throw: skip, hook_timeout: 2, isolate: none, buffer: { request: 1KiB, response: 2KiB }, breaker: { failures: 3, open_ms: 4000 }, rate: 5 }],
    hosts: { '*.Example.org': { pipes: [{ use: rate-limit, rate: 6 }] } },
    listeners: [{ name: all, port: 9002, service: orders, tls: { cert: tls/cert.pem, key: tls/key.pem } }, { name: some, port: 9003, host: 127.0.0.1 }, { name: raw, port: 9004, tcp: search, idle: 2m, connections: 7 }] }
services:
  orders:
    servers:
      - 10.0.0.1:8080
      - { url: 'https://[fd00::1]/base/', priority: low, weight: 2, zone: b, metadata: { rack: '7' }, polling: { frequency: 3, expect: { max_latency: 1 } } }
    polling:
      { method: health, endpoint: '/health?deep=1', frequency: 10s, timeout: 500ms, retries: 2, retry_delay_ms: 50, rise: 2, fall: 3,
        expect: { status: [200, '300-301', 4xx] }, headers: { x-probe: '1' }, http_method: HEAD, packet_limit: 9,
        damping: { changes: 3, window: 20, steady_ms: 500 } }
    balance:
      { strategy: hash, hash: { header: X-User }, prefer_zone: true, slow_start: 20s, spill_below: 0.5, min_instances: 2, panic: refuse,
        sticky: { cookie: seat, max_age: 1h, path: /o, secure: true, same_site: strict } }
    retry:
      { attempts: 2, on: [connect, 503, '500'], backoff: { base_ms: 5, max: 2 }, budget: { share: 0.1, floor: 3 },
        per_try: 8, unsafe: idempotency-key, body: 1MiB, hold: 4KiB }
    hedge: { after: p99.9, most: 0.1 }
    breaker: { consecutive: 4, rate: 0.75, volume: 9, window: 30s, open_ms: 700 }
    outlier: { failures: 2, answers: 4, statuses: [500, '502-504'], base: 2, max: 30s, most: 0.25 }
    concurrency: { instance: auto, service: 500, queue: 20, queue_time: 250ms }
    timeout: { first_byte: 9 }
    tls: { verify: false, ca_file: ca.pem, server_name: orders.internal, cert: client.pem, key: client/key.pem }
    upgrade: [WebSocket, websocket, chat/2]
    batch: off
    pipes: [{ use: rate-limit, rate: 7, breaker: true }]
    apis: [/orders/, '/o/{id}', '/files/*']
  search: { servers: [s:81], polling: { method: tcp } }
routes:
  - { match: { path: '/find/{term}', methods: [GET, HEAD], host: ['*.Example.org', a.example], headers: { X-A: '1', x-b: true }, query: { q: true } },
      service: search, timeout: 3, retry: { attempts: 1 }, importance: high, upgrade: [] }
  - { match: { path: /robots.txt, exact: true }, fixed: { status: 200, headers: { content-type: text/plain }, body: hello } }
  - { match: { path: /echo }, fixed: { echo: true }, listener: some, pipes: [{ use: rate-limit, rate: 8 }] }
  - { match: { path: '/both/{id}' }, merge: [{ service: orders, path: '/o/{id}' }, { service: search, path: /s, group: found }], static: { data: { a: 1 } }, output: xml, cache_ttl: 5m }
`

export function parse(text: string, env: Env = {}, file = 'services.yaml') {
  return parseConfig(text, file, env, DEPS)
}

export function load(text: string, env: Env = {}, file?: string): Config {
  const parsed = parse(text, env, file)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  return parsed.config
}

export function problemsOf(text: string, env: Env = {}, file?: string): readonly Problem[] {
  const parsed = parse(text, env, file)
  return parsed.ok ? [] : parsed.problems
}

export function warningsOf(text: string): readonly Problem[] {
  const parsed = parse(text)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  return parsed.warnings
}

/** `line:col path message (hint)` of each problem, so that a test reads as what a person sees. */
export function lines(problems: readonly Problem[]): string[] {
  return problems.map((problem) => formatProblem(problem).replace(`${problem.file}:`, ''))
}
