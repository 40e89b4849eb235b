// The pipe `cache` among other pipes that change answers: it stores what the service said to everybody, never what was made of it
// for one client.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { counting, HOUR } from './cache-rig.js'
import { pipeOf, startPiped } from './rig.js'

const cases = {
  'of a body that it holds': [
    `onResponse(x, answer) { answer.setBody(x.headers.get('who') + ': ' + answer.body) },`,
    'buffer: { response: 1000 },',
  ],
  'of a body that it has not seen': [
    `onResponse(x, answer) { answer.setBody(x.headers.get('who') + ': its own') },`,
    '',
  ],
  'as a reply': [`onResponse(x) { return { status: 200, body: x.headers.get('who') + ': its own' } },`, ''],
  'through a stream': [
    `onResponse(x, answer) { answer.transform(new (process.getBuiltinModule('node:stream').Transform)({ transform(piece, _, done) { done(null, x.headers.get('who') + ': ' + piece) } })) },`,
    '',
  ],
} as const

const places: Record<string, string[]> = {
  '': [],
  ', with a stream before the cache': ['same', 'cache'],
  ', with one behind it': ['cache', 'same'],
}
const same = pipeOf(
  `onResponse(x, answer) { answer.transform(new (process.getBuiltinModule('node:stream').PassThrough)()) },`,
)

for (const [how, [hooks, more]] of Object.entries(cases))
  for (const [where, rest] of Object.entries(places))
    test(`what a pipe before the cache makes for one client ${how} no other client gets${where}`, async (t) => {
      const pipes = ['personal', ...(rest.length > 0 ? rest : ['cache'])].map((use) => ({ use }))
      const { port } = await startPiped(t, { personal: pipeOf(hooks, more), same }, pipes, { handler: counting(HOUR) })
      for (const who of ['alice', 'bob', 'carol']) {
        const answer = await request(port, 'GET', '/a', { fields: { who } })
        assert.match(answer.text(), new RegExp(`^${who}: (answer \\d|its own)$`))
      }
    })

test('what a pipe before the cache makes of a body that it holds, it makes of each hit', async (t) => {
  const [hooks, more] = cases['of a body that it holds']
  const { port, origin } = await startPiped(
    t,
    { personal: pipeOf(hooks, more) },
    [{ use: 'personal' }, { use: 'cache' }],
    {
      handler: counting(HOUR),
    },
  )
  for (const who of ['alice', 'bob']) {
    const answer = await request(port, 'GET', '/a', { fields: { who } })
    assert.equal(answer.text(), `${who}: answer 1`)
  }
  assert.equal(origin.requests.length, 1)
})

test('a cache before several routes of one URL answers each with its own', async (t) => {
  const origin = await startOrigin(t, (req) =>
    req.answer(200, JSON.stringify({ at: req.target }), { ...HOUR, 'Content-Type': 'application/json' }),
  )
  const beta = { headers: { kind: 'beta' } }
  const gateway = await startGateway(t, {
    processor: { pipes: [{ use: 'cache', ttl: '1h' }] },
    services: { api: { servers: [origin.address], apis: ['/api'] } },
    routes: [
      { match: { path: '/forward', ...beta }, service: 'api', rewrite: '/beta' },
      { match: { path: '/forward' }, service: 'api', rewrite: '/plain' },
      { match: { path: '/merge', ...beta }, merge: [{ service: 'api', path: '/beta' }] },
      { match: { path: '/merge' }, merge: [{ service: 'api', path: '/plain' }] },
      { match: { path: '/fixed', ...beta }, fixed: { status: 200, body: '/beta', headers: HOUR } },
      { match: { path: '/fixed' }, fixed: { status: 200, body: '/plain', headers: HOUR } },
    ],
  })
  for (const path of ['/forward', '/merge', '/fixed'])
    for (const [i, kind] of ['beta', 'plain', 'beta', 'plain'].entries()) {
      const answer = await request(gateway.port, 'GET', path, { fields: { kind } })
      assert.ok(answer.text().includes(`/${kind}`), `${path}: ${answer.text()} for ${kind}`)
      if (i > 1) assert.match(answer.field('cache-status') ?? '', /hit/)
    }
  assert.equal(origin.requests.length, 4)
})
