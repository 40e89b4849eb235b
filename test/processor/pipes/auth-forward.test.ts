// The pipe `auth-forward` over real sockets: who is asked decides, and without an answer nobody passes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin, type OriginHandler } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { waitFor } from '../../kit/wait.js'
import { saidOf } from './faults.js'
import { telling } from './rig.js'

/** Two ways to the one that is asked: as a service of the registry, and by its URL. */
const WAYS = ['service', 'url'] as const

async function startAsking(
  t: Cleanup,
  way: (typeof WAYS)[number],
  judge: OriginHandler,
  more: Record<string, unknown> = {},
) {
  const judging = await startOrigin(t, judge)
  const origin = await startOrigin(t, telling)
  const asks = way === 'url' ? { url: `http://${judging.address}/check?a=1` } : { service: 'judge', path: '/check?a=1' }
  const { port } = await startGateway(t, {
    services: {
      judge: { servers: [judging.address], apis: ['/judge'] },
      api: { servers: [origin.address], apis: ['/'], pipes: [{ use: 'auth-forward', ...asks, ...more }] },
    },
  })
  return { judging, origin, port }
}

for (const way of WAYS) {
  test(`${way}: a friendly answer lets the request pass and brings fields that no client can set`, async (t) => {
    const judge: OriginHandler = (req) => req.answer(200, 'ok', { 'X-User': 'ann', 'X-Secret': '1', 'X-Role': 'a' })
    const { judging, origin, port } = await startAsking(t, way, judge, {
      answer_headers: ['X-User', 'X-Role', 'X-Gone'],
    })
    const fields = {
      Authorization: 'Bearer t',
      Cookie: 'c=1',
      'x-user': 'root',
      X_Role: 'root',
      'X-Gone': '1',
      'X-Other': 'o',
    }
    const answer = await request(port, 'POST', '/orders?x=1', { fields, body: 'body' })
    assert.deepEqual([answer.status, answer.text()], [200, 'POST /orders?x=1 body'])
    const [question] = judging.requests
    assert.deepEqual([question?.method, question?.target], ['GET', '/check?a=1'])
    const sent = [
      'authorization',
      'cookie',
      'x-forwarded-method',
      'x-forwarded-uri',
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-other',
      'x-user',
    ]
    assert.deepEqual(
      sent.map((name) => question?.field(name)),
      ['Bearer t', 'c=1', 'POST', '/orders?x=1', '127.0.0.1', 'http', undefined, undefined],
    )
    assert.equal(question?.field('x-forwarded-host'), `127.0.0.1:${port}`)
    const got = origin.requests[0]?.fields.filter(([name]) => /^x.(user|role|gone|secret)$/i.test(name))
    assert.deepEqual(got, [
      ['X-User', 'ann'],
      ['X-Role', 'a'],
    ])
  })

  test(`${way}: a refusal and a redirect are handed to the client as they came, and no instance hears of it`, async (t) => {
    const judge: OriginHandler = (req) => {
      const status = Number(req.field('x-want'))
      req.answer(status, `no ${status}`, {
        'WWW-Authenticate': 'Custom',
        Location: 'https://login.example/',
        'X-Why': 'y',
        'X-Request-Id': 'theirs',
      })
    }
    const { origin, port } = await startAsking(t, way, judge, { request_headers: ['X-Want'] })
    for (const status of [401, 403, 302, 307]) {
      const answer = await request(port, 'GET', '/', { fields: { 'X-Want': String(status) } })
      assert.deepEqual([answer.status, answer.text(), answer.field('x-why')], [status, `no ${status}`, 'y'])
      assert.deepEqual(
        [answer.field('www-authenticate'), answer.field('location')],
        ['Custom', 'https://login.example/'],
      )
      const ids = answer.fields.filter(([name]) => name.toLowerCase() === 'x-request-id')
      assert.equal(ids.length, 1)
      assert.notEqual(ids[0]?.[1], 'theirs')
    }
    const head = await request(port, 'HEAD', '/', { fields: { 'X-Want': '401' }, head: true })
    assert.equal(head.status, 401)
    assert.equal(origin.requests.length, 0)
  })

  test(`${way}: any other answer, too long a one, a late one and none at all fail closed`, async (t) => {
    const judge: OriginHandler = (req) => {
      const want = req.field('x-want') ?? ''
      if (want === 'reset') req.reset()
      else if (want === 'long') req.answer(200, 'x'.repeat(2000))
      else if (want !== 'late') req.answer(Number(want))
    }
    const more = { request_headers: ['X-Want'], timeout: '300ms', size: 1000 }
    const { origin, judging, port } = await startAsking(t, way, judge, more)
    const ask = async (want: string) => (await request(port, 'GET', '/', { fields: { 'X-Want': want } })).status
    for (const want of ['404', '500', '429', '400']) assert.equal(await ask(want), 502, want)
    for (const want of ['reset', 'long', 'late']) assert.equal(await ask(want), 503, want)
    await judging.stop()
    const answer = await request(port, 'GET', '/', { fields: { 'X-Want': '200' } })
    assert.deepEqual([answer.status, answer.field('retry-after')], [503, '1'])
    assert.equal(answer.field('content-type'), 'application/problem+json')
    assert.equal(origin.requests.length, 0)
  })
}

test('friendly answers are remembered for a while, by the fields and by what was asked for', async (t) => {
  let friendly = true
  const judge: OriginHandler = (req) =>
    friendly ? req.answer(200, '', { 'X-User': req.field('authorization') ?? '' }) : req.answer(403)
  const { judging, origin, port } = await startAsking(t, 'service', judge, {
    answer_headers: ['X-User'],
    request_headers: ['Authorization'],
    cache: { headers: ['Authorization'], ttl: '400ms', entries: 2 },
  })
  const ask = async (who: string, path = '/a', method = 'GET') => {
    const answer = await request(port, method, path, { fields: { Authorization: who, 'X-User': 'root' } })
    return answer.status
  }
  for (let i = 0; i < 3; i++) assert.equal(await ask('ann'), 200)
  assert.equal(judging.requests.length, 1)
  assert.deepEqual(
    origin.requests.map((req) => req.field('x-user')),
    ['ann', 'ann', 'ann'],
  )
  friendly = false
  assert.deepEqual(
    [await ask('bob'), await ask('ann', '/b'), await ask('ann', '/a', 'DELETE'), await ask('ann')],
    [403, 403, 403, 200],
  )
  await waitFor(async () => (await ask('ann')) === 403)
  friendly = true
  for (const who of ['x', 'y', 'z']) assert.equal(await ask(who), 200)
  const before = judging.requests.length
  // Three are more than are remembered: the first has to ask again, the last need not.
  assert.deepEqual([await ask('z'), await ask('x')], [200, 200])
  assert.equal(judging.requests.length, before + 1)
})

test('a client that goes away while another is asked leaves nothing behind', async (t) => {
  let gone = 0
  const judge: OriginHandler = (req) => void req.gone.then(() => gone++)
  for (const way of WAYS) {
    const { judging, origin, port } = await startAsking(t, way, judge)
    await assert.rejects(request(port, 'GET', '/', { timeoutMs: 200 }))
    await waitFor(() => judging.requests.length === 1 && gone > 0, { what: `${way}: the question to be given up` })
    assert.equal(origin.requests.length, 0)
    gone = 0
  }
})

test('faults name their places', () => {
  const first = (pipe: Record<string, unknown>) => saidOf({ use: 'auth-forward', ...pipe }).faults[0] ?? ''
  assert.match(first({}), /nobody is asked/)
  assert.match(first({ service: 'gone' }), /^test\.json:6:11 .*there is no service "gone"/)
  assert.match(first({ url: 'http://127.0.0.1/', service: 'api' }), /"url" is there too/)
  assert.match(first({ url: 'nowhere' }), /not a URL/)
  assert.match(first({ service: 'api', answer_headers: ['Host'] }), /set by the gateway alone/)
  assert.match(first({ service: 'api', cache: {} }), /"headers" is required/)
  const said = saidOf({ use: 'auth-forward', service: 'api', cache: { headers: ['authorization'] } })
  assert.match(said.warnings[0] ?? '', /may depend on Cookie/)
})
