// Which files are another gateway's, and that what is written for one means the same as the file itself.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { readDocument } from '../../../../shared/config/document.js'
import { convert, importerFor } from '../../../../shared/config/import/index.js'
import { writeNative } from '../../../../shared/config/import/write.js'
import { parseConfig } from '../../../../shared/config/parse.js'
import { CLASSIC_JSON } from '../fixtures.js'
import { imported, native, parse, refused, withoutPlaces } from './importing.js'

const EXAMPLES = join(import.meta.dirname, '../../../../examples/moving')
const examples = readdirSync(EXAMPLES).filter((file) => /\.(json|ya?ml|hcl)$/.test(file))

const knownAs = (text: string, format: 'yaml' | 'json' | 'hcl' = 'yaml') =>
  importerFor(readDocument(text, 'f', format, {}))?.format

test('each format is known by what is in the file', () => {
  assert.equal(knownAs('listen_addr: x\nroutes: { /: { upstream: y } }'), 'harbr-router')
  assert.equal(knownAs('global_timeout_ms: 1\nroutes: {}'), 'harbr-router')
  assert.equal(knownAs('proxy_instances: []'), 'harbr-router')
  assert.equal(knownAs('proxy: { endpoints: [] }'), 'harp')
  assert.equal(knownAs('applications: [a]'), 'harp')
  assert.equal(knownAs('{"version":3,"endpoints":[]}', 'json'), 'krakend')
  assert.equal(knownAs('http "a" { handler = "b.C" }', 'hcl'), 'pipehub')
  assert.equal(knownAs('core {}', 'hcl'), 'pipehub')
})

test('a config of serverpy is never taken for another one, whatever its services are called', () => {
  assert.equal(knownAs(CLASSIC_JSON, 'json'), undefined)
  const service = '{ servers: { h: { method: ping } }, apis: [/a] }'
  for (const name of [
    'routes',
    'proxy',
    'endpoints',
    'http',
    'pipe',
    'applications',
    'listen_addr',
    'core',
    'proxy_instances',
  ]) {
    const text = `${name}: ${service}`
    assert.equal(knownAs(text), undefined, name)
    assert.ok(parse(text, 's.yaml').ok, name)
    assert.equal(knownAs(`version: 1\nservices: { ${name}: ${service} }`), undefined, name)
  }
  assert.equal(knownAs('meta-info: {}\nproxy: { endpoints: [] }'), undefined)
  assert.equal(knownAs('version: 1\nservices: {}\nlisten_addr: x\nroutes: {}'), undefined)
  assert.equal(knownAs('[]'), undefined)
  assert.equal(knownAs('5'), undefined)
})

test('a config of serverpy with a fault is told of as such', () => {
  const lines = (text: string) => refused(text, 's.yaml').join('\n')
  // Without its apis it has the shape of a block of PipeHub.
  assert.match(
    lines('http: { servers: [{ url: h:1 }], polling: { method: ping } }'),
    /^s\.yaml:1:1 {2}http\.apis {2}"apis" is required$/,
  )
  assert.match(lines('version: 3\nservices: {}'), /^s\.yaml:1:10 {2}version {2}must be 1/)
  assert.match(lines('version: 3\nprocessor: { port: 1 }'), /version {2}must be 1/)
  const schema = '$schema: /from/krakend/services.schema.json'
  assert.match(lines(`${schema}\nversion: 1\nroutes: []`), /services/)
  assert.match(lines(`${schema}\nprocessor: { port: 1 }`), /the full layout needs "version"/)
})

test('a variable for the version makes no other file of it', () => {
  const source = `$schema: krakend\nversion: '\${V:-1}'\nservices: {}\napplications: [a]`
  assert.equal(importerFor(readDocument(source, 'f', 'yaml', 'as-written')), undefined)
})

test('a file that fits two gateways is read as one of them, and says so and how to choose', () => {
  const harbr = `listen_addr: ':80'\nglobal_timeout_ms: 9\nmax_connections: 1\nroutes: { /a: { upstream: 'h:1' } }\n`
  const harp = `proxy: { endpoints: [{ name: a, port: 1, url: 'h:1' }] }\napplications: [a]\n`
  const doubt =
    'f.yaml:4:1  routes  this fits harbr-router ("routes") and HARP ("proxy", "applications"): it is read as a config of ' +
    'harbr-router  (take "routes" out to have it read as one of HARP)'
  assert.ok(imported(harbr + harp, 'f.yaml').warnings.includes(doubt))
  assert.match(native(harbr + harp, 'f.yaml').written, /# Note, f\.yaml:4: this fits harbr-router/)
  // Whatever is wrong with it may be for this.
  assert.ok(refused(harbr.replace('upstream', 'up') + harp, 'f.yaml').includes(doubt))
  const made = refused(`${harbr.replace("'h:1'", '5')}${harp}`, 'f.yaml')
  assert.ok(made.includes(doubt), made.join('\n'))
  const chosen = imported(harbr.replace(/routes.*\n/, '') + harp, 'f.yaml')
  assert.ok(!chosen.warnings.join().includes('this fits'))
  const krakend = `version: 3\nendpoints: []\nproxy_instances: []\n`
  assert.match(
    refused(krakend, 'f.yaml')[0] ?? '',
    /^f\.yaml:3:1 {2}proxy_instances {2}this fits harbr-router \("proxy_instances"\) and KrakenD \("endpoints", "version"\)/,
  )
  for (const one of [harbr, harp]) assert.ok(!imported(one, 'f.yaml').warnings.join().includes('this fits'))
})

test('whatever such files hold, they are parsed or refused with a place', () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, 0, -1, 1.5, 1e12, '', 'x', '/a', 'h:1', '10s', '${X}', [], {}),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 5 }),
    ),
  })).value
  const heads = [
    { listen_addr: ':80', global_timeout_ms: 1, max_connections: 1 },
    { proxy_instances: [] },
    { applications: ['x'] },
    { version: 3, $schema: 'https://www.krakend.io/schema/v3.json' },
    { http: { a: [{ handler: 'b.C' }] } },
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...heads),
      fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 6 }),
      (head, more) => {
        const parsed = parseConfig(
          JSON.stringify({ ...head, ...more }),
          'f.json',
          {},
          { cwd: '/c', cores: 1, read: 'nothing' },
        )
        if (!parsed.ok) assert.ok(parsed.problems.length > 0)
        for (const { line, col } of parsed.ok ? parsed.warnings : parsed.problems) assert.ok(line >= 1 && col >= 1)
      },
    ),
    { numRuns: 3000 },
  )
})

test('whatever is made is written so that it is read as it was made', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('yes', '0x1', '1e3', '~', '- a', 'a: b', '# c', ' x ', '${A}', '$${', '|', '"'),
  )
  fc.assert(
    fc.property(
      text,
      text,
      text,
      fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
      (name, url, description, headers) => {
        // A name must be known.
        fc.pre(!name.includes('${'))
        fc.pre(!('__proto__' in headers && Object.hasOwn(headers, '__proto__')))
        const probe = { path: description, headers }
        const endpoint = { name, port: url, description, remote: { endpoints: [{ url }], probe } }
        const source = readDocument(
          JSON.stringify({ proxy: { endpoints: [endpoint] }, rules: { [url]: { [name]: 1 } } }),
          'f.json',
          'json',
          'as-written',
        )
        const importer = importerFor(source)
        assert.ok(importer)
        const made = convert(source, importer)
        assert.ok(made.ok)
        const again = readDocument(writeNative(made, source, importer), 'f.yaml', 'yaml', 'as-written')
        assert.deepEqual(again.problems, [])
        assert.deepEqual(again.data, JSON.parse(JSON.stringify(made.config)))
      },
    ),
    { numRuns: 500 },
  )
})

test('a file with thousands of entries is converted whole', () => {
  const many = Array.from({ length: 5000 }, (_, i) => i)
  const prefixes = Object.fromEntries(many.map((i) => [`/${'é'.repeat(i % 7)}%${i}`, { upstream: 'h' }]))
  const hosts = Object.fromEntries(many.map((i) => [`h${i}`, [{ handler: 'a.B' }]]))
  const endpoint = [Object.fromEntries(many.map((i) => [`h${i}`, 'x']))]
  for (const data of [
    { listen_addr: ':1', global_timeout_ms: 1, max_connections: 1, routes: prefixes },
    { proxy_instances: [{ listen_addr: ':1', upstreams: many.map((priority) => ({ address: 'h', priority })) }] },
    { http: hosts, pipe: { a: [{ config: [{ endpoint }] }] } },
    {
      proxy: { endpoints: many.map((i) => ({ name: `n${i}`, port: 1, url: 'h' })) },
      rules: Object.fromEntries(many.map((i) => [`${'*a'.repeat(10)}${i}`, { '*': 1 }])),
    },
  ]) {
    const source = readDocument(JSON.stringify(data), 'f.json', 'json', {})
    const importer = importerFor(source)
    assert.ok(importer)
    const made = convert(source, importer)
    assert.ok(made.ok)
    const { services, routes } = made.config as { services: object; routes?: unknown[] }
    const web = Object.values(services)[0] as { servers: unknown[] }
    assert.ok([Object.keys(services).length, routes?.length, web.servers.length].includes(many.length))
  }
})

test('a fault of the parser stands at its place in the original, under the name that it has there', () => {
  assert.deepEqual(refused('proxy:\n  endpoints:\n    - name: a\n      port: 70000\n      url: h', 'h.yaml'), [
    'h.yaml:4:13  proxy.endpoints[0].port  must be at most 65535',
  ])
  const secret = refused("proxy: { endpoints: [{ name: a, port: 1, url: '${URL}' }] }", 'h.yaml', {
    URL: 'ftp://user:secret@h',
  })
  assert.ok(!secret.join('').includes('secret'))
})

test('every entry twice is a fault, in both of them', () => {
  const faults = refused(
    'listen_addr: ":80"\nglobal_timeout_ms: 1\nmax_connections: 1\nroutes:\n  /a: { upstream: h }\n  /a: { }\n',
    'h.yaml',
  )
  assert.deepEqual(faults, [
    'h.yaml:6:3  routes["/a"]  duplicate key "/a"  (the first is on line 5)',
    'h.yaml:6:3  routes["/a"]  "upstream" is required',
  ])
})

for (const file of examples) {
  const text = readFileSync(join(EXAMPLES, file), 'utf8')
  test(`examples/moving/${file}: what is written for it is the same config`, () => {
    const direct = imported(text, file)
    const { written } = native(text, file, 'as-written')
    const again = imported(written, 'services.yaml')
    assert.deepEqual(withoutPlaces(again.config), withoutPlaces(direct.config))
  })
}

test('settings that another gateway has no words for stand in a block of their own', () => {
  const harbr = `listen_addr: ':80'\nglobal_timeout_ms: 9\nmax_connections: 1\nroutes: { /a: { upstream: h } }\n`
  const own = (text: string) => imported(`${harbr}serverpy: ${text}`, 'h.yaml')
  const { config, warnings } = own('{ discovery: { port: 1, store: memory }, processor: { timeouts: { connect: 2 } } }')
  assert.deepEqual([config.discovery.port, config.discovery.store, config.processor.port], [1, { kind: 'memory' }, 80])
  assert.deepEqual([config.processor.timeouts.connectMs, config.processor.timeouts.totalMs], [2000, 9])
  assert.ok(!warnings.join().includes('serverpy'))
  const faults = (text: string) => refused(`${harbr}serverpy: ${text}`, 'h.yaml')
  assert.deepEqual(faults('{ discovery: { prot: 1 }, processor: { workers: 0 } }'), [
    'h.yaml:5:26  serverpy.discovery.prot  unknown key "prot"  (did you mean "port"?)',
    'h.yaml:5:59  serverpy.processor.workers  must be at least 1',
  ])
  assert.match(faults('{ services: {} }')[0] ?? '', /^h\.yaml:5:13 {2}serverpy\.services {2}unknown key "services"/)
  assert.match(faults('5')[0] ?? '', /serverpy {2}must be an object/)
  const hcl = 'http "a" { handler = "b.C" }\npipe "b" {}\nserverpy {\n discovery {\n port = 70000\n }\n}'
  assert.match(
    refused(hcl, 'p.hcl').join('\n'),
    /^p\.hcl:5:9 {2}serverpy\[0\]\.discovery\[0\]\.port {2}must be at most 65535$/,
  )
  assert.equal(imported(hcl.replace('70000', '7'), 'p.hcl').config.discovery.port, 7)
})

test('variables stay variables in what is written, and mean the same there', () => {
  const text = `listen_addr: '127.0.0.1:80'
global_timeout_ms: 700
max_connections: \${MOST}
routes: { /a: { upstream: 'http://\${HOST}/x' } }`
  const env = { HOST: 'the-host', MOST: '700' }
  const { written } = native(text, 'c.yml', 'as-written')
  assert.ok(!written.includes('the-host') && written.includes('${HOST}'))
  assert.deepEqual(
    withoutPlaces(imported(written, 's.yaml', env).config),
    withoutPlaces(imported(text, 'c.yml', env).config),
  )
})

test('a name that is a variable cannot be written as one, and that is a fault of the import', () => {
  for (const text of [
    "proxy: { endpoints: [{ name: '${N}', port: 1, url: h }] }",
    "proxy_instances: [{ name: '${N}', listen_addr: ':80', upstreams: [{ address: h }] }]",
  ]) {
    assert.equal(imported(text, 'h.yaml', { N: 'shop' }).config.services[0]?.name, 'shop')
    assert.throws(() => native(text, 'h.yaml', 'as-written'), /a name must not hold a variable/)
  }
})

test('comments say where each part comes from, and hold on to one line of the source each', () => {
  const { written } = native(
    `applications: [x]\nproxy:\n  endpoints:\n    - name: a\n      description: "one\\nservices: evil\\r\\u2028two"\n      port: 1\n      url: h\n      more: 2\n`,
    'h.yaml',
    'as-written',
  )
  assert.match(written, /^# Made from h\.yaml, a config of HARP\.\n/)
  assert.match(written, / {2}# From h\.yaml:4\.\n {2}# One services: evil two\.\n {2}a:/)
  assert.match(written, /# Note, h\.yaml:1: "applications" has no counterpart; drop it/)
  assert.match(written, /# Note, h\.yaml:8: unknown key "more"; it is left out/)
  assert.equal(imported(written, 's.yaml').config.services.length, 1)
})

const KEYS = [
  'routes',
  'upstream',
  'timeout_ms',
  'retry_count',
  'health_check_path',
  '/a',
  '/',
  'global',
  'metrics',
  'listen_addr',
  'proxy_instances',
  'upstreams',
  'hosts',
  'config',
  'http',
  'tcp',
  'name',
  'proxy_type',
  'address',
  'priority',
  'weight',
  'proxy',
  'endpoints',
  'endpoint',
  'url',
  'remote',
  'port',
  'probe',
  'liveness',
  'break_on',
  'pools',
  'min_pool_size',
  'http_client',
  'http_cache',
  'cache',
  'policy',
  'storage',
  'arguments',
  'dashboard',
  'rules',
  'on_request',
  'path',
  'backend',
  'host',
  'url_pattern',
  'extra_config',
  'method',
  'output_encoding',
  'handler',
  'pipe',
  'alias',
  'core',
  'server',
  'client',
  'action',
  'listen',
  'not-found',
  'graceful-shutdown',
  'tls',
  'headers',
  'interval',
  'timeout',
  'a',
  '*',
]
