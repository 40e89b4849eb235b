// PipeHub's files: hosts whose addresses are known are passed on, all others say which pipe is missing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imported, native, refused } from './importing.js'

const FILE = 'pipehub.hcl'
const PIPE = `
pipe "github.com/acme/base" {
  version = "v1"
  alias = "base"
  config {
    endpoint { "known.org" = "http://10.0.0.1" "127.0.0.1:90" = "10.0.0.2:90" }
    name = "x"
  }
}
`

test('a host whose address the module names is passed on to it', () => {
  const { config, warnings } = imported(`${PIPE}http "known.org" { handler = "base.Default" }`, FILE)
  assert.deepEqual(
    config.routes.map(({ match, handler }) => [match.hosts, match.path, handler]),
    [[['known.org'], '/', { kind: 'forward', service: 'known.org' }]],
  )
  assert.equal(config.services[0]?.servers[0]?.spec.host, '10.0.0.1')
  assert.equal(warnings.length, 2)
  assert.match(warnings[0] ?? '', /^pipehub\.hcl:2:1 .*is a Go module and does not run.*serverpy pipe new base/)
  assert.match(warnings[1] ?? '', /^pipehub\.hcl:10:20 .*"base\.Default" does not run: requests are passed on/)
})

test('every other host is answered with 501 and the name of the pipe that is missing', () => {
  const { config } = imported(`${PIPE}http "*.shop.org" { handler = "base.Shop" }`, FILE)
  assert.deepEqual(config.services, [])
  const handler = config.routes[0]?.handler
  assert.ok(handler?.kind === 'fixed')
  assert.equal(handler.status, 501)
  assert.match(handler.body, /base\.Shop is a Go pipe and does not run here: write \.\/pipes\/base\.js/)
  const { written } = native(`${PIPE}http "*.shop.org" { handler = "base.Shop" }`, FILE)
  assert.match(
    written.replace(/\n *# ?/g, ' '),
    /add here: pipes: \[\{"use":"\.\/pipes\/base\.js","endpoint":.*"name":"x"\}\]/,
  )
})

test('ports with a known address pass connections on, the others are told of', () => {
  const { config, notes } = native(
    `${PIPE}tcp "127.0.0.1:90" { handler = "base.T" }\ntcp ":91" { handler = "base.U" }\nhttp "a.org:80" { handler = "base.D" }`,
    FILE,
  )
  assert.deepEqual(config.processor?.listeners, [
    { name: '127.0.0.1-90', host: '127.0.0.1', port: 90, tcp: '127.0.0.1-90' },
  ])
  assert.deepEqual(
    notes.map(({ path }) => path.join('.')),
    [
      'pipe.github.com/acme/base.0',
      'http.a.org:80.0',
      'http.a.org:80.0.handler',
      'tcp.127.0.0.1:90.0.handler',
      'tcp.:91.0',
    ],
  )
})

test('the blocks of the first releases are read as well', () => {
  const { config, warnings } = imported(
    `server { http { port = 8081 } }
host {
  endpoint = "a.org"
  origin = "http://10.0.0.1"
  handler = "base.Default"
}
host {
  endpoint = "b.org"
  handler = "base.Other"
}
handler {
  path = "github.com/acme/base"
  version = "v1"
  alias = "base"
}
`,
    FILE,
  )
  assert.deepEqual(
    config.routes.map(({ match, handler }) => [match.hosts, handler.kind]),
    [
      [['a.org'], 'forward'],
      [['b.org'], 'fixed'],
    ],
  )
  assert.deepEqual([config.processor.port, config.services[0]?.servers[0]?.spec.host], [8081, '10.0.0.1'])
  assert.deepEqual(
    warnings.map((line) => line.split('  ').slice(0, 2).join(' ')),
    ['pipehub.hcl:5:3 host[0].handler', 'pipehub.hcl:9:3 host[1].handler', 'pipehub.hcl:11:1 handler[0]'],
  )
  assert.deepEqual(refused('host { origin = "h" handler = "base.X" }\nhandler { alias = "base" }', FILE).slice(0, 2), [
    'pipehub.hcl:1:1  host[0]  "endpoint" is required',
    'pipehub.hcl:2:1  handler[0]  "path" is required',
  ])
})

test('the host "*" is every other one', () => {
  const { config } = imported(`${PIPE}http "*" { handler = "base.D" }\nhttp "a.org" { handler = "base.D" }`, FILE)
  assert.deepEqual(
    config.routes.map(({ match }) => match.hosts),
    [[], ['a.org']],
  )
})

test('what is there once only may not be there again, and a second port is told of', () => {
  const host = `${PIPE}http "a" { handler = "base.D" }\n`
  assert.deepEqual(refused(`${host}core {}\ncore { http { port = 1 } }`, FILE), [
    'pipehub.hcl:12:6  core[1]  "core" is there already',
  ])
  const { warnings } = imported(
    `${host}server { http { port = 81 } }\ncore { http { server { listen { port = 82 } } } }`,
    FILE,
  )
  assert.match(warnings.join('\n'), /pipehub\.hcl:12:33 .*port {2}only the first port is listened on/)
})

test('no secret of a module is copied to where people read', () => {
  const text = `http "a.org" { handler = "b.C" }
pipe "b" { config {
  api-key = "geheim"
  password = "\${PASS}"
  endpoint { "a.org" = "http://\${UP}" }
} }`
  const { written } = native(text, FILE, 'as-written')
  assert.ok(!written.includes('geheim'))
  assert.match(written.replace(/\n *# ?/g, ' '), /"api-key":"…","password":"\$\{PASS\}"/)
  const { warnings } = imported(text, FILE, { UP: 'up.example', PASS: 'p' })
  assert.match(warnings.join(), /passed on to "http:\/\/\$\{UP\}" as they are/)
})

test('ports and time limits of both releases are taken over', () => {
  const older = `server { graceful-shutdown = "10s" action { not-found = "base.N" panic = "base.P" } http { port = 8081 } }`
  const newer = `core { graceful-shutdown = "1m30s" http {
    server { listen { port = 8082 } listen { port = 8083 } action { panic = "base.P" } }
    client { max-conns-per-host = 10 max-idle-conns-per-host = 0 max-idle-conns = 5 idle-conn-timeout = "90s" tls-handshake-timeout = "5s" }
  } }`
  const host = `${PIPE}http "a" { handler = "base.D" }`
  const first = native(`${older}${host}`, FILE)
  assert.deepEqual(first.config.processor, { timeouts: { drain_ms: 10_000 }, port: 8081 })
  const second = native(`${newer}${host}`, FILE)
  assert.deepEqual(second.config.processor, {
    timeouts: { drain_ms: 90_000, upstream_keep_alive_ms: 90_000, connect_ms: 5000 },
    port: 8082,
    limits: { upstream_connections: 10 },
  })
  const told = (made: typeof first) =>
    made.notes.map(({ path }) => path.at(-1)).filter((key) => typeof key === 'string' && key !== 'handler')
  assert.deepEqual(told(first), ['not-found', 'panic'])
  assert.deepEqual(told(second), ['panic', 'port', 'max-idle-conns'])
  assert.deepEqual(second.notes[1]?.path, ['core', 0, 'http', 0, 'server', 0, 'listen', 1, 'port'])
})

test('faults name their place', () => {
  const faults = refused(
    `server { graceful-shutdown = "soon" }\nhttp "a" { handler = "gone.X" extra = 1 }\nhttp "b" {}\nhttp "c" { handler = "x" }\npipe "m/base" { alias = 1 }`,
    FILE,
  )
  assert.deepEqual(
    faults.map((line) => line.split('  ').slice(0, 3).join(' | ')),
    [
      'pipehub.hcl:1:30 | server[0].graceful-shutdown | "soon" is not a duration',
      'pipehub.hcl:2:22 | http.a[0].handler | there is no pipe with the alias "gone"',
      'pipehub.hcl:3:1 | http.b[0] | "handler" is required',
      'pipehub.hcl:4:22 | http.c[0].handler | must be "alias.Function"',
      'pipehub.hcl:5:25 | pipe["m/base"][0].alias | must be text',
    ],
  )
  assert.match(
    refused('http "not a host" { handler = "base.D" }' + PIPE, FILE)[0] ?? '',
    /^pipehub\.hcl:1:1 {2}http\["not a host"\]\[0\] /,
  )
  assert.deepEqual(refused('a = 1', FILE), ['pipehub.hcl:1:1  an .hcl file holds a PipeHub config, and this is none'])
  assert.deepEqual(refused('', FILE), ['pipehub.hcl:1:1  an .hcl file holds a PipeHub config, and this is none'])
  assert.match(refused('pipe "a" {', FILE)[0] ?? '', /the file ends before a block is closed/)
  assert.match(refused(PIPE, FILE)[0] ?? '', /there must be a host/)
})
