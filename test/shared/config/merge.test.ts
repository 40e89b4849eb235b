// What a route may say of requests that are put together, and what is told where it cannot work.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MergeConfig } from '../../../shared/config/merge-model.js'
import { templateFault, templatePieces } from '../../../shared/config/text/template.js'
import { lines, load, problemsOf, warningsOf } from './fixtures.js'

const file = (merge: string, keys = '', path = "'/m/{id}'") =>
  `version: 1\nservices: { users: { servers: [u], polling: { method: ping }, apis: [/a] }, orders: { servers: [o], polling: { method: ping }, apis: [/b] } }\n` +
  `routes: [{ match: { path: ${path} }, merge: [${merge}]${keys === '' ? '' : `, ${keys}`} }]`

function mergeOf(merge: string, keys?: string): MergeConfig {
  const handler = load(file(merge, keys)).routes.at(-1)?.handler
  assert.equal(handler?.kind, 'merge')
  return handler.merge
}

const KEY = '{ use: auth-key, keys: [a-key-of-sixteen-characters] }'

const faults = (merge: string, keys?: string, path?: string) => lines(problemsOf(file(merge, keys, path)))
const warned = (merge: string, keys?: string) => lines(warningsOf(file(merge, keys)))

test('a part needs a service and a path; all else has its default', () => {
  assert.deepEqual(mergeOf('{ service: users, path: /u }'), {
    parts: [
      {
        service: 'users',
        path: ['/u'],
        encoding: 'json',
        isCollection: false,
        target: [],
        allow: [],
        deny: [],
        mapping: [],
        flatmap: [],
        redirects: 10,
        onError: { kind: 'fail' },
        shadow: false,
        concurrentCalls: 1,
        answerBytes: 10_485_760,
        require: [],
        cacheBytes: 0,
      },
    ],
    sequential: false,
    output: 'json',
    flatmap: [],
    cacheSeconds: 0,
    completed: 'Serverpy-Completed',
    returnErrorMsg: false,
    forwarding: 'native',
    timeoutMs: 2000,
    requestBytes: 1_048_576,
  })
})

test('every key is read', () => {
  const part =
    "service: users, path: '/u/{id}?a={JWT.sub}', method: POST, encoding: safejson, is_collection: true, target: a.b, allow: [c, d.e], " +
    'mapping: { c: f.g }, group: h, input_headers: [X-A], input_query_strings: [q], redirects: 0, return_error_details: i, ' +
    'concurrent_calls: 2, timeout: 1s, answer_size: 1KiB'
  const keys =
    "sequential: true, concurrent_calls: 3, output: negotiate, static: { data: { j: [1] }, strategy: errored }, flatmap: [{ type: move, args: ['k.*.l', m] }, { type: del, args: [n] }], " +
    "input_headers: ['*', X-B], input_query_strings: [], cache_ttl: 90s, completed: X-Done, return_error_msg: true, forwarding: strict, request_size: 5, timeout: 4s"
  const { parts, ...route } = mergeOf(
    `{ ${part} }, { service: orders, path: '/{resp0_h.x}/{resp0}', return_error_code: true }`,
    keys,
  )
  assert.deepEqual(route, {
    sequential: true,
    output: 'negotiate',
    static: { data: { j: [1] }, strategy: 'errored' },
    flatmap: [
      { type: 'move', from: ['k', '*', 'l'], to: ['m'] },
      { type: 'del', from: ['n'] },
    ],
    inputHeaders: ['*', 'x-b'],
    inputQuery: [],
    cacheSeconds: 90,
    completed: 'X-Done',
    returnErrorMsg: true,
    forwarding: 'strict',
    timeoutMs: 4000,
    requestBytes: 5,
  })
  assert.deepEqual(parts[0], {
    service: 'users',
    method: 'POST',
    path: ['/u/', { kind: 'parameter', name: 'id' }, '?a=', { kind: 'claim', name: 'sub' }],
    encoding: 'safejson',
    isCollection: true,
    target: ['a', 'b'],
    allow: [['c'], ['d', 'e']],
    deny: [],
    mapping: [['c', 'f']],
    flatmap: [],
    group: 'h',
    inputHeaders: ['x-a'],
    inputQuery: ['q'],
    redirects: 0,
    onError: { kind: 'details', name: 'i' },
    shadow: false,
    concurrentCalls: 2,
    timeoutMs: 1000,
    answerBytes: 1024,
    require: [],
    cacheBytes: 0,
  })
  assert.deepEqual(parts[1]?.path, [
    '/',
    { kind: 'answer', part: 0, names: ['h', 'x'] },
    '/',
    { kind: 'answer', part: 0, names: [] },
  ])
  assert.deepEqual(parts[1].onError, { kind: 'status' })
  assert.equal(parts[1].concurrentCalls, 3)
})

test('a service that there is not is told, with what may have been meant', () => {
  assert.deepEqual(faults('{ service: user, path: /u }'), [
    '3:59  routes[0].merge[0].service  there is no service "user"  (did you mean "users"?)',
  ])
})

test('a parameter that the path of the route does not have is told', () => {
  assert.deepEqual(faults("{ service: users, path: '/u/{ID}' }"), [
    '3:72  routes[0].merge[0].path  the path of the route has no "{ID}"  (it has {id})',
  ])
  assert.match(faults("{ service: users, path: '/u/{id}' }", '', '/m')[0] ?? '', /put it into match\.path/)
})

test('an answer can be used in a sequence only, and only by later parts', () => {
  const two = (first: string, second: string) =>
    `{ service: users, path: '${first}' }, { service: orders, path: '${second}' }`
  assert.match(
    faults(two('/u', '/o/{resp0_a}'))[0] ?? '',
    /merge\[1\]\.path {2}"\{resp0…\}" needs parts one after the other/,
  )
  assert.match(faults(two('/u/{resp0_a}', '/o'), 'sequential: true')[0] ?? '', /"\{resp0…\}" is no earlier part/)
  assert.match(faults(two('/u', '/o/{resp1_a}'), 'sequential: true')[0] ?? '', /"\{resp1…\}" is no earlier part/)
  assert.deepEqual(faults(two('/u', '/o/{resp0_a}'), 'sequential: true'), [])
  const shadow =
    "{ service: users, path: /s, shadow: true }, { service: users, path: /u }, { service: orders, path: '/{resp0_a}' }"
  assert.deepEqual(faults(shadow, 'sequential: true'), [])
})

test('an answer that is passed on as it is comes from one part', () => {
  const part = '{ service: users, path: /u }'
  assert.equal(mergeOf(part, 'output: no-op').parts[0]?.encoding, 'no-op')
  assert.match(faults(`${part}, ${part}`, 'output: no-op')[0] ?? '', /passes on one answer, not several/)
  assert.match(faults('{ service: users, path: /u, encoding: xml }', 'output: no-op')[0] ?? '', /must be "no-op"/)
  assert.match(faults('{ service: users, path: /u, encoding: no-op }')[0] ?? '', /"no-op" brings no data/)
  assert.match(warned(part, 'output: no-op, static: { data: {} }')[0] ?? '', /"static" is of no use/)
})

test('some part must be no shadow, and a shadow waits for nobody', () => {
  assert.match(faults('{ service: users, path: /u, shadow: true }')[0] ?? '', /a part that is no shadow is needed/)
  const waiting = "{ service: users, path: /u }, { service: users, path: '/{resp0_a}', shadow: true }"
  assert.match(faults(waiting, 'sequential: true')[0] ?? '', /a shadow waits for no answer/)
})

test('what is of no use is warned about', () => {
  assert.match(
    warned('{ service: users, path: /u, allow: [a], deny: [b] }')[0] ?? '',
    /"deny" is of no use beside "allow"/,
  )
  assert.match(
    warned('{ service: users, path: /u, mapping: { a: b }, flatmap: [{ type: del, args: [a] }] }')[0] ?? '',
    /"mapping" is of no use beside "flatmap"/,
  )
  assert.match(
    warned('{ service: users, path: /u }', 'sequential_propagated_params: [resp0_a]')[0] ?? '',
    /is of no use/,
  )
})

test('what cannot be is told with its place', () => {
  assert.match(faults('')[0] ?? '', /routes\[0\]\.merge {2}must not be empty/)
  assert.match(
    faults('{ service: users, path: /u, encodng: xml }')[0] ?? '',
    /unknown key "encodng" {2}\(did you mean "encoding"\?\)/,
  )
  assert.match(faults('{ service: users, path: u }')[0] ?? '', /a path must begin with "\/"/)
  assert.match(
    faults('{ service: users, path: /u, flatmap: [{ type: move, args: [a] }] }')[0] ?? '',
    /"move" needs two/,
  )
  assert.match(faults('{ service: users, path: /u }', 'concurrent_calls: 0')[0] ?? '', /must be at least 1/)
  assert.match(faults('{ service: users, path: /u }', 'completed: "a b"')[0] ?? '', /not a name of a header field/)
})

test('a path holds whole holes or none', () => {
  for (const path of ['/a', '/{a}', '/{a}{b}?x={c}', '/{JWT.http://x.example/y}', '/a/../b?x'.replace('/..', '/c')])
    assert.equal(templateFault(path), undefined, path)
  for (const path of ['/{', '/{}', '/}', '/{a', '/{a{b}}', '{a}', 'a', '/a b', '/{JWT.}', '/#'])
    assert.ok(templateFault(path), path)
  assert.deepEqual(templatePieces('/a'), ['/a'])
  assert.deepEqual(templatePieces('/{Resp12_a.b_c}'), ['/', { kind: 'answer', part: 12, names: ['a', 'b_c'] }])
  assert.deepEqual(templatePieces('/{response}'), ['/', { kind: 'parameter', name: 'response' }])
})

test('a route that asks a service past a pipe that keeps requests out there is warned about', () => {
  const guarded = (keys = '', processor = '') =>
    lines(
      warningsOf(
        `version: 1\n${processor === '' ? '' : `processor: { pipes: [${processor}] }\n`}` +
          `services: { users: { servers: [u], polling: { method: ping }, pipes: [{ use: log }, ${KEY}] } }\n` +
          `routes:\n- { match: { path: /m }, merge: [{ service: users, path: /u }]${keys} }`,
      ),
    )
  assert.deepEqual(guarded(), [
    '4:45  routes[0].merge[0].service  the pipe auth-key of "users" does not stand before this route  (put it into the pipes of the route, too)',
  ])
  assert.deepEqual(guarded(`, pipes: [${KEY}]`), [])
  assert.deepEqual(guarded('', KEY), [])
})
