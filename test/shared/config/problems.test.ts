// Whatever is wrong is said all at once, each at its line and column.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../shared/config/parse.js'
import { formatProblems } from '../../../shared/config/problem.js'
import { CLASSIC_JSON, lines, load, problemsOf, warningsOf } from './fixtures.js'

const service = (keys: string) => `a: { servers: [h], polling: { method: ping }, apis: [/a], ${keys} }`
const polling = (keys: string) => `a: { servers: [h], polling: { method: health, endpoint: /, ${keys} }, apis: [/a] }`
const servers = (text: string) => `a: { servers: ${text}, polling: { method: ping }, apis: [/a] }`
const apis = (text: string) => `a: { servers: [h], polling: { method: ping }, apis: ${text} }`
const meta = (keys: string) => `${service('')}\nmeta-info: { ${keys} }`
const route = (keys: string) =>
  `version: 1\nservices: { a: { servers: [h], polling: { method: ping }, apis: [/a] } }\nroutes: [{ ${keys} }]`

/** The only problem of the text, as a person sees it. */
function only(text: string): string {
  const found = lines(problemsOf(text))
  assert.equal(found.length, 1, found.join('\n'))
  return found[0] ?? ''
}

test('a file with five faults gives five problems, each with its line and column', () => {
  const faulty = CLASSIC_JSON.replace('"frequency": 80', '"frequncy": 80')
    .replace('"retries": 3', '"retries": "3"')
    .replace('"127.0.0.1:8080"', '"ftp://127.0.0.1:8080"')
    .replace('"high"', '"purple"')
    .replace('"request_processor_port": 8081', '"request_processor_port": 8008')
  assert.deepEqual(lines(problemsOf(faulty, {}, 'services.json')), [
    '4:45  service1.servers["www.google.com"].frequncy  unknown key "frequncy"  (did you mean "frequency"?)',
    '4:109  service1.servers["www.google.com"].priority  must be one of "high", "med", "low", not "purple"',
    '10:17  service2.servers[0]  the address has a scheme other than http and https',
    '11:72  service2.polling.retries  must be a number, not text  (drop the quotes)',
    '18:31  meta-info.request_processor_port  the discovery server and the request processor would both listen on port 8008  (give one of them another port)',
  ])
})

test('faults of the shape and faults between keys are told in one go, in the order of the file', () => {
  const text = 'a:\n  servers: [h, h]\n  polling: { method: health, rise: 0 }\n  apis: [a]\n'
  assert.deepEqual(lines(problemsOf(text)), [
    '2:16  a.servers[1]  the same instance as on line 2',
    '3:3  a.polling.endpoint  "endpoint" is required for the method health',
    '3:36  a.polling.rise  must be at least 1',
    '4:10  a.apis[0]  a path must begin with "/"',
  ])
})

test('an unknown key is told with what it may have been, or that it is for a later version', () => {
  assert.match(only(polling('packetlimit: 1')), /unknown key "packetlimit" {2}\(did you mean "packet_limit"\?\)/)
  assert.match(only(service('grpc: {}')), /unknown key "grpc" {2}\(not supported by this version\)/)
  assert.match(only(route('match: { path: /x }, service: a, pipe: []')), /"pipe" {2}\(did you mean "pipes"\?\)/)
  assert.match(only(service('colour: red')), /unknown key "colour"$/)
  // Spelled well, and in the wrong place.
  const routes = 'match: { path: /x }, service: a'
  assert.match(only(`${route(routes)}\npipes: []`), /unknown key "pipes" {2}\(it belongs in "processor"\)/)
  assert.match(only(`${route(routes)}\ntls: {}`), /unknown key "tls" {2}\(it belongs in "processor"\)/)
  assert.match(only(`${route(routes)}\nport: 80`), /unknown key "port" {2}\(it belongs in "discovery" or "processor"\)/)
  assert.match(only(route(`${routes}, host: h`)), /unknown key "host" {2}\(it belongs in "match"\)/)
  assert.match(only(route(`${routes}, tls: {}`)), /unknown key "tls"$/)
  const edits = 'pipes: [{ use: headers, set: { a: b }, request: {} }]'
  assert.match(only(service(edits)), /unknown key "set" {2}\(it belongs in "request" or "response"\)/)
  assert.match(only('meta_info: {}\n' + service('')), /^1:1 {2}meta_info.*\(did you mean "meta-info"\?\)/)
})

test('a pipe that is written as other gateways write theirs is told how it is written here', () => {
  const pipes = (text: string) => only(service(`pipes: ${text}`)).replace(/^.*? {2}/, '')
  assert.equal(pipes('[compress]'), 'a.pipes[0]  must be an object, not text  (write { use: … })')
  assert.equal(pipes('{ rate-limit: { rate: 5 } }'), 'a.pipes  must be a list, not an object  (write [{ use: … }])')
  assert.equal(
    pipes('[{ rate-limit: { rate: 5 } }]'),
    'a.pipes[0].use  "use" is required  (write { use: rate-limit, … })',
  )
  assert.equal(pipes('[{ name: limit, rate: 5 }]'), 'a.pipes[0].use  "use" is required')
})

test('a word that is not allowed is told with what it may have been', () => {
  assert.match(only(servers('{ h: { method: pign } }')), /not "pign" {2}\(did you mean "ping"\?\)/)
  assert.match(only(service('balance: { strategy: p2 }')), /not "p2" {2}\(did you mean "p2c"\?\)/)
  assert.match(only(service('retry: { on: [timeuot] }')), /must be one of connect, .* {2}\(did you mean "timeout"\?\)/)
  assert.match(only(meta('workers: atuo')), /must be "auto" or a whole number {2}\(did you mean "auto"\?\)/)
})

test('a number in quotes is told to drop them', () => {
  assert.match(only(polling('frequency: "80"')), /"80" is not a duration {2}\(drop the quotes for seconds/)
  assert.match(only(polling('packet_limit: "5"')), /\(drop the quotes\)/)
  assert.match(only(meta('workers: "2"')), /\(drop the quotes\)/)
  assert.match(only(meta('limits: { body: "5" }')), /\(drop the quotes for bytes/)
  assert.match(only('version: "1"\nservices: { a: { servers: [h], polling: { method: ping }, apis: [/a] } }'), /quotes/)
})

test('wrong types are told by name', () => {
  assert.match(only(servers('x')), /must be a list of addresses, or a map of address to polling/)
  assert.match(only(servers('[[]]')), /a\.servers\[0\] {2}must be an address or an object with a url/)
  assert.match(only(apis('/a')), /must be a list, not text/)
  assert.match(only(polling('retries: 1.5')), /must be a whole number, not a fraction/)
  assert.match(only(polling('retries: .inf')), /must be a number, not Infinity/)
  assert.match(only('a: 5'), /1:4 {2}a {2}must be an object, not a number/)
  assert.match(only(meta('token: 12345678')), /must be text, not a number/)
})

test('numbers out of bounds are told their bounds', () => {
  assert.match(only(polling('packet_limit: -1')), /must be at least 1/)
  assert.match(only(polling('retries: -1')), /must not be negative/)
  assert.match(only(polling('retry_delay: -1')), /must not be negative/)
  assert.match(only(polling('frequency: 0')), /must be at least 10ms/)
  assert.match(only(polling('timeout: 30d')), /must be at most 24d/)
  assert.match(only(meta('request_processor_port: 65536')), /must be at most 65535/)
  assert.match(only(meta('jitter: 0.6')), /must be at most 0.5/)
  assert.match(only(meta('hang_ms: 500')), /must be at least 2s/)
  assert.match(only(meta('limits: { fields: 1001 }')), /must be at most 1000/)
  assert.match(only(meta('limits: { head: 0 }')), /must be at least 256/)
  assert.match(only(meta('limits: { uri: "1B" }')), /must be at least 256 bytes/)
})

test('what is missing is told at its parent', () => {
  assert.match(only('a: { polling: { method: ping }, apis: [/a] }'), /^1:1 {2}a\.servers {2}"servers" is required/)
  assert.match(only('a: { servers: [h], apis: [/a] }'), /^1:1 {2}a\.polling {2}"polling" is required/)
  assert.match(only('a: { servers: [h], polling: { method: ping } }'), /"apis" is required/)
  assert.match(only('a: { servers: [h], polling: {}, apis: [/a] }'), /a\.polling\.method {2}"method" is required/)
  assert.match(
    only('a: { servers: { h: { frequency: 3 } }, apis: [/a] }'),
    /a\.servers\.h\.method {2}"method" is required/,
  )
  assert.match(only(servers('[{ weight: 2 }]')), /a\.servers\[0\]\.url {2}"url" is required/)
  assert.match(only(route('service: a')), /routes\[0\]\.match {2}"match" is required/)
  assert.match(only('version: 1'), /"services" is required/)
})

test('what is wrong is not told to be missing as well', () => {
  assert.match(only('a: { servers: [h, i], polling: { method: 5 }, apis: [/a] }'), /must be one of/)
  assert.match(only('a: { servers: [h, i], polling: 5, apis: [/a] }'), /must be an object/)
  assert.match(only(polling('').replace('/,', '7,')), /endpoint {2}must be text/)
})

test('nothing at all is told too', () => {
  assert.match(only(''), /the file is empty/)
  assert.match(only('{}'), /there must be a service/)
  assert.match(only('[]'), /must be an object/)
  assert.match(only('version: 1\nservices: {}'), /there must be a service/)
  assert.match(only(servers('[]')), /must not be empty/)
  assert.match(only(servers('{}')), /must not be empty/)
  assert.match(only(apis('[]')), /must not be empty/)
})

test('only version 1 of the full layout is known, and without it the layout is guessed', () => {
  const rest = 'services: { a: { servers: [h], polling: { method: ping }, apis: [/a] } }'
  assert.match(only(`version: 2\n${rest}`), /^1:10 {2}version {2}must be 1/)
  assert.match(only(`${rest}\nprocessor: {}`), /^1:1 {2}services {2}the full layout needs "version"/)
  const alone = ['routes: [{ match: { path: /a }, service: a }]', 'processor: { pipes: [{ use: log }] }']
  for (const part of alone)
    assert.match(
      problemsOf(part)
        .map(({ message }) => message)
        .join(),
      /^the full layout needs "version"/,
    )
})

test('a duplicate key is told with the line of the first', () => {
  assert.deepEqual(lines(problemsOf(service('') + '\n' + service(''))), [
    '2:1  a  duplicate key "a"  (the first is on line 1)',
  ])
  const json = '{"a": {"servers": ["h"], "apis": ["/"], "polling": {"method": "ping"}, "apis": ["/b"]}}'
  assert.deepEqual(lines(problemsOf(json, {}, 's.json')), [
    '1:72  a.apis  duplicate key "apis"  (the first is on line 1)',
  ])
})

test('what a duplicate key holds is checked as well', () => {
  const text = [
    'a: { servers: [h], polling: { method: pong }, apis: [/a] }',
    'b: { servers: [h], polling: { method: ping, retries: 1, retries: x }, apis: [/b] }',
    'a: { servers: ["${HOST}"], polling: { method: health }, apis: [c], colour: red }',
    '',
  ].join('\n')
  assert.deepEqual(lines(problemsOf(text)), [
    '1:39  a.polling.method  must be one of "health", "ping", "tcp", not "pong"  (did you mean "ping"?)',
    '2:57  b.polling.retries  duplicate key "retries"  (the first is on line 2)',
    '2:66  b.polling.retries  must be a number, not text',
    '3:1  a  duplicate key "a"  (the first is on line 1)',
    '3:16  a.servers[0]  the variable HOST is not set  (set it, or give a default: ${HOST:-…})',
    '3:28  a.polling.endpoint  "endpoint" is required for the method health',
    '3:64  a.apis[0]  a path must begin with "/"',
    '3:68  a.colour  unknown key "colour"',
  ])
  // What only the other entry of two would break is no fault of the file.
  const twice = `version: 1\nservices: { a: ${service('').slice(3)} }\nservices: { b: ${service('').slice(3)} }\nroutes: [{ match: { path: /x }, service: a }]`
  assert.match(only(twice), /^3:1 {2}services {2}duplicate key/)
})

test('faulty servers hide nothing of the polling', () => {
  const faulty = (servers: string) =>
    lines(problemsOf(`a: { servers: ${servers}, polling: { method: health, rise: 0 }, apis: [/a] }`)).join('\n')
  assert.match(faulty('x'), /must be a list of addresses[^]*"endpoint" is required[^]*must be at least 1/)
  assert.match(faulty('[5]'), /must be an address[^]*"endpoint" is required/)
  // Entries with a polling of their own may well have it there.
  assert.doesNotMatch(faulty('[{ polling: { endpoint: / } }]'), /"endpoint" is required/)
  assert.doesNotMatch(faulty('{ h: 5 }'), /"endpoint" is required/)
})

/** How many times as long eight times as much takes. */
function growth(text: (n: number) => string, n: number): number {
  const tookMs = (count: number) => {
    const given = text(count)
    const startedAt = performance.now()
    parseConfig(given, 'services.json', {})
    return performance.now() - startedAt
  }
  tookMs(n)
  return Math.min(tookMs(8 * n), tookMs(8 * n)) / tookMs(n)
}

test('the time grows with the faults and not with their square', { timeout: 60_000 }, () => {
  const full = (services: string, routes: string) => `{"version":1,"services":{${services}},"routes":[${routes}]}`
  const one = (name: string) => `"${name}":{"servers":["h"],"polling":{"method":"ping"},"apis":["/${name}"]}`
  const times = (n: number, text: (i: number) => string) => Array.from({ length: n }, (_, i) => text(i)).join(',')
  const unknownServices = (n: number) =>
    full(
      times(n, (i) => one(`service${i}`)),
      times(n, (i) => `{"match":{"path":"/x"},"service":"servce${i}"}`),
    )
  const sameRoutes = (n: number) =>
    full(
      one('a'),
      times(n, () => '{"match":{"path":"/x"},"service":"a"}'),
    )
  // A quadratic way would take 64 times as long.
  assert.ok(growth(unknownServices, 1000) < 24)
  assert.ok(growth(sameRoutes, 2500) < 24)
})

test('only the first hundred problems are shown, and how many more there are', () => {
  const problems = problemsOf(servers(JSON.stringify(Array.from({ length: 250 }, (_, i) => `ftp://${i}`))))
  const shown = formatProblems(problems)
  assert.equal(problems.length, 250)
  assert.equal(shown.length, 101)
  assert.match(shown[99] ?? '', /a\.servers\[99\]/)
  assert.equal(shown[100], '… and 150 more')
  assert.equal(formatProblems(problems.slice(0, 100)).length, 100)
})

test('two listeners on one port are an error where their hosts overlap', () => {
  assert.match(only(meta('discovery_server_port: 8001')), /would both listen on port 8001/)
  const both = 'discovery_server_port: 9000, request_processor_port: 9000'
  const hosts = (a: string, b: string) => meta(`${both}, discovery_server_host: "${a}", request_processor_host: "${b}"`)
  assert.match(only(hosts('127.0.0.1', '127.0.0.1')), /both listen/)
  assert.match(only(hosts('127.0.0.1', '0.0.0.0')), /both listen/)
  assert.deepEqual(problemsOf(hosts('127.0.0.1', '127.0.0.2')), [])
  assert.deepEqual(problemsOf(meta('discovery_server_port: 0, request_processor_port: 0')), [])
})

test('one instance twice in a service is an error, however it is spelled', () => {
  assert.match(only(servers('[H, "http://h:80/"]')), /the same instance as on line 1/)
  assert.match(
    only('a: { servers: { h: { method: ping }, "h:80": { method: ping } }, apis: [/a] }'),
    /the same instance/,
  )
  assert.deepEqual(problemsOf(servers('[h, "h/b"]')), [])
})

test('a priority is of an instance, given once', () => {
  assert.match(only(polling('priority: high')), /a priority is of one instance/)
  assert.match(only(servers('[{ url: h, priority: high, polling: { priority: low } }]')), /has a priority already/)
  const config = load(servers('[{ url: h, polling: { priority: low } }]'))
  assert.equal(config.services[0]?.servers[0]?.spec.priority, 'low')
})

test('the two forms of a duration exclude each other', () => {
  assert.match(only(polling('timeout: 1, timeout_ms: 1000')), /timeout_ms {2}"timeout" says the same/)
})

test('what a health poll expects must be possible', () => {
  assert.match(only(polling('expect: { body: a, body_pattern: b }')), /body_pattern {2}"body" is there too/)
  assert.match(only(polling('expect: { body_pattern: "(" }')), /not a regular expression/)
  assert.match(only(polling('expect: { status: 700 }')), /must be at most 599/)
  assert.match(
    only(polling('http_method: HEAD, expect: { body: a }')),
    /a\.polling\.expect {2}the answer to HEAD has no body/,
  )
  assert.match(
    only(polling('headers: { Connection: close }')),
    /headers\.Connection {2}the field connection is set by the sender/,
  )
})

test('the names of services are checked', () => {
  const named = (name: string) => service('').replace('a:', `${JSON.stringify(name)}:`)
  assert.match(only(named('')), /needs a name/)
  assert.match(only(named('a/b')), /must not hold "\/"/)
  assert.match(only(named('a\nb')), /control characters/)
  assert.match(only(named('x'.repeat(201))), /at most 200/)
})

test('the rules of routes are checked', () => {
  assert.match(only(route('match: { path: /x }, service: b')), /there is no service "b"/)
  assert.match(only(route('match: { path: /x }')), /needs "service", "merge" or "fixed"/)
  assert.match(only(route('match: { path: /x }, service: a, fixed: { status: 200 }')), /"service" is there too/)
  assert.match(only(route('match: { path: /x }, fixed: { status: 100 }')), /must be at least 200/)
  assert.match(only(route('match: { path: /x }, fixed: { status: 204, body: x }')), /has no body/)
  assert.match(
    only(route('match: { path: /x }, fixed: { status: 200, headers: { Content-Length: "3" } }')),
    /set by the sender/,
  )
  assert.match(only(route('match: { path: /x, methods: get }, service: a')), /did you mean "GET"/)
  assert.match(only(route('match: { path: /x, methods: ["G T"] }, service: a')), /not an HTTP method/)
  assert.match(only(route('match: { path: /x, host: "a.example:80" }, service: a')), /no port/)
  assert.match(only(route('match: { path: /x, host: "a.*.example" }, service: a')), /as its first label/)
  assert.match(only(route('match: { path: /x, headers: { "a b": true } }, service: a')), /not a name of a header field/)
  assert.match(only(route('match: { path: /x, headers: { Host: a } }, service: a')), /use match\.host/)
  assert.match(
    only(route('match: { path: /x, headers: { X-Forwarded-Proto: https } }, service: a')),
    /the field x-forwarded-proto ends at the gateway and cannot be matched/,
  )
  assert.match(
    only('version: 1\nservices: { a: { servers: [h], polling: { method: ping } } }'),
    /"apis" is required where no route/,
  )
})

test('what is doubtful but legal is a warning', () => {
  const warned = (text: string) => lines(warningsOf(text)).join('\n')
  assert.match(warned(apis('[/x, /x/]')), /^1:58 {2}a\.apis\[1\] {2}line 1 routes the same; the last wins$/)
  const two = `${service('')}\nb: { servers: [i], polling: { method: ping }, apis: ['/a/'] }`
  assert.match(warned(two), /^2:\d+ {2}b\.apis\[0\] {2}line 1 routes the same; the last wins$/)
  assert.deepEqual(
    load(two).routes.map((r) => r.id),
    ['a:/a', 'b:/a'],
  )
  assert.match(warned(apis("['/{a}', '/{b}']")), /routes the same/)
  assert.match(warned(meta('token: short')), /meta-info\.token {2}easy to guess/)
  assert.match(warned(servers('{ h: { method: ping, endpoint: /x } }')), /of no use to the method ping/)
  assert.match(warned(servers('["localhost:8001"]')), /requests would loop/)
  assert.equal(warned(servers('["10.1.1.1:8001"]')), '')
})

test('two routes with one path have two ids', () => {
  const config = load(route('match: { path: /a, methods: [GET] }, service: a'))
  assert.deepEqual(
    config.routes.map((r) => r.id),
    ['a:/a', 'a:/a#2'],
  )
})

test('no problem shows a token, a password or the value of a variable', () => {
  const shown = (text: string, env = {}) => lines(problemsOf(text, env)).join('\n')
  const secret = 'hunter2hunter2'
  assert.match(shown(meta(`token: "${secret} x"`)), /token/)
  assert.doesNotMatch(shown(meta(`token: "${secret} x"`)), /hunter2/)
  assert.doesNotMatch(shown(servers(`["http://me:${secret}@h"]`)), /hunter2/)
  assert.doesNotMatch(shown(`a: { servers: { "http://me:${secret}@h": { method: ping } }, apis: [/a] }`), /hunter2/)
  const misplaced = shown(polling("frequency: '${S}'").replace('health,', "'${S}',"), { S: secret })
  assert.match(misplaced, /not "\$\{S\}"/)
  assert.match(misplaced, /"\$\{S\}" is not a duration/)
  assert.doesNotMatch(misplaced, /hunter2/)
})

test('a problem is one line, whatever the file holds', () => {
  const [line = ''] = lines(problemsOf(JSON.stringify({ 'a\n\u001b[31m\u202eb': 5 }), {}, 's.json'))
  assert.doesNotMatch(line, /\p{Cc}|\u202e/u)
})
