// The pipe `headers` over real sockets: what instances and clients see of what it changes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from '../../kit/http.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

test('fields of the request are renamed, removed, set and added, in this order', async (t) => {
  const { port, origin } = await startPiped(t, {}, [
    {
      use: 'headers',
      request: {
        rename: { 'X-Old': 'X-New' },
        remove: ['x-secret', 'X-Internal-*'],
        set: { 'X-Env': 'prod', 'X-Spoof': 'ours' },
        add: { 'X-Tag': 'b' },
      },
    },
  ])
  const fields = {
    'x-old': '1',
    'X-SECRET': 's',
    'x-internal-a': '1',
    'X-Internal-B': '2',
    'X-Spoof': 'theirs',
    'X-Tag': 'a',
    'X-Secretary': 'stays',
  }
  await request(port, 'GET', '/x', { fields })
  const seen = origin.requests[0]
  assert.ok(seen)
  assert.equal(seen.field('x-new'), '1')
  for (const gone of ['x-old', 'x-secret', 'x-internal-a', 'x-internal-b'])
    assert.equal(seen.field(gone), undefined, gone)
  assert.equal(seen.field('x-env'), 'prod')
  assert.deepEqual(
    seen.fields.filter(([name]) => name.toLowerCase() === 'x-spoof').map(([, value]) => value),
    ['ours'],
  )
  assert.deepEqual(
    seen.fields.filter(([name]) => name.toLowerCase() === 'x-tag').map(([, value]) => value),
    ['a', 'b'],
  )
  assert.equal(seen.field('x-secretary'), 'stays')
})

test('a client gets past no field that is set or removed by writing an underscore for its hyphen', async (t) => {
  const pipes = [
    { use: 'headers', request: { remove: ['X-Debug', 'X-Internal-*'], set: { 'X-User': '{claim.sub}' } } },
    { use: 'ab', sticky: 'none', request_header: 'X-Variant', variants: [{ variant: 'a' }, { variant: 'b' }] },
  ]
  const { port, origin } = await startPiped(t, {}, pipes)
  const fields = { X_User: 'root', X_Debug: '1', X_Internal_Key: '1', x_variant: 'c', X_Users: 'stays' }
  await request(port, 'GET', '/', { fields })
  const names = origin.requests[0]?.fields.map(([name]) => name.toLowerCase().replaceAll('_', '-')) ?? []
  assert.deepEqual(
    names.filter((name) => /^x-(?:user|debug|internal|variant)/.test(name)),
    ['x-users', 'x-variant'],
  )
})

test('names with a star at their end leave what frames a message and what the gateway says', async (t) => {
  const remove = ['C*', 'T*', 'D*', 'V*', 'X-*', 'h*']
  const edits = { use: 'headers', request: { remove }, response: { remove } }
  const { port, origin } = await startPiped(t, {}, [edits])
  const answer = await request(port, 'POST', '/', { fields: { 'Content-Type': 'text/plain', 'X-A': '1' }, body: 'abc' })
  assert.equal(answer.text(), 'POST / abc')
  assert.equal(answer.field('content-length'), '10')
  assert.ok(answer.field('x-request-id'))
  assert.equal(answer.field('x-mark'), undefined)
  const seen = origin.requests[0]
  assert.equal(seen?.field('content-type') ?? seen?.field('x-a'), undefined)
  assert.equal(seen?.field('x-forwarded-for'), '127.0.0.1')
})

test('fields of the answer are changed, also where the gateway itself answers', async (t) => {
  const { port, gateway } = await startPiped(
    t,
    {},
    [{ use: 'headers', response: { remove: ['Server', 'X-Powered-By'], set: { 'X-Frame-Options': 'DENY' } } }],
    { handler: (req) => req.answer(200, 'x', { Server: 'old', 'X-Powered-By': 'php', 'X-Frame-Options': 'ALLOW' }) },
  )
  const answer = await request(port, 'GET', '/')
  assert.equal(answer.field('server'), undefined)
  assert.equal(answer.field('x-powered-by'), undefined)
  assert.equal(answer.field('x-frame-options'), 'DENY')
  const instance = gateway.config.services[0]?.servers[0]?.spec.url ?? ''
  gateway.set({ [instance]: { override: 'drain' } })
  const refused = await request(port, 'GET', '/')
  assert.equal(refused.status, 503)
  assert.equal(refused.field('x-frame-options'), 'DENY')
})

test('places are filled in with what the exchange brings, and a value that is empty sets nothing', async (t) => {
  const { port, origin } = await startPiped(t, {}, [
    {
      use: 'headers',
      request: {
        set: {
          'X-All': '{method} {host} {path} {client} {service} {scheme}',
          'X-Query': '{query.q}|{header.x-a}|{cookie.c}',
          'X-User': '{claim.sub}',
          'X-Brace': '{{x}}',
        },
      },
      response: { set: { 'X-Id': '{id}' } },
    },
  ])
  const fields = { Host: 'shop.example', 'X-A': 'a', Cookie: 'b=1; c=2', 'X-User': 'root' }
  const answer = await request(port, 'GET', '/p?q=7', { fields })
  const seen = origin.requests[0]
  assert.ok(seen)
  assert.equal(seen.field('x-all'), 'GET shop.example /p 127.0.0.1 api http')
  assert.equal(seen.field('x-query'), '7|a|2')
  assert.equal(seen.field('x-user'), undefined, 'what a client says of itself does not pass for a claim')
  assert.equal(seen.field('x-brace'), '{x}')
  assert.equal(answer.field('x-id'), answer.field('x-request-id'))
})

test('what is filled in never ends the line', async (t) => {
  const module = `export default { create: () => ({ onRequest: (x) => void x.state.set('jwt.claims', { sub: 'a\\r\\nX-Evil: 1', n: { m: ['x', 2] } }) }) }`
  const { port, origin } = await startPiped(t, { claims: module }, [
    { use: 'claims' },
    {
      use: 'headers',
      request: { set: { 'X-Sub': '{claim.sub}', 'X-Deep': '{claim.n.m}', 'X-Far': 'é {claim.none}' } },
    },
  ])
  await request(port, 'GET', '/')
  const seen = origin.requests[0]
  assert.ok(seen)
  assert.equal(seen.field('x-evil'), undefined)
  assert.equal(seen.field('x-sub'), 'a X-Evil: 1')
  assert.equal(seen.field('x-deep'), 'x, 2')
})

test('names and values are checked in the config', () => {
  const { faults } = saidOf({
    use: 'headers',
    request: { set: { 'Content-Length': '1', 'x y': 'a', Host: 'h' }, add: { 'X-A': 'a\nb', 'X-B': '{nothing}' } },
    response: { remove: ['Date', 'transfer-encoding'], rename: { 'X-A': 'Via' } },
  })
  assert.equal(faults.length, 8, faults.join('\n'))
  assert.match(faults[0] ?? '', /^test\.json:6:19 {2}.*\.request\.set\.Content-Length {2}.*set by the sender alone/)
  assert.match(faults.join('\n'), /\{nothing\} is nothing that can be filled in/)
  assert.match(faults.join('\n'), /the gateway sets host itself/)
})

test('an unknown key is told with what it may have meant', () => {
  const { faults } = saidOf({ use: 'headers', request: { sets: { a: 'b' } } })
  assert.match(faults.join('\n'), /unknown key "sets".*did you mean "set"/)
})
