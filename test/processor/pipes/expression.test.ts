// The pipe `expression` over real sockets: what follows from its conditions, in both dialects.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

const CLAIMS = `export default { create: () => ({ onRequest(x) {
  const given = x.headers.get('x-claims'); if (given) x.state.set('jwt.claims', JSON.parse(given)) } }) }`

async function startExpression(t: Cleanup, options: Record<string, unknown>, body = '{}') {
  const beta = await startOrigin(t, (req) => req.answer(200, 'beta'))
  const { port, origin, lines } = await startPiped(
    t,
    { claims: CLAIMS },
    [{ use: 'claims' }, { use: 'expression', ...options }],
    {
      handler: (req) =>
        req.answer(req.target === '/bad' ? 500 : 200, body, {
          'X-Tier': req.field('x-tier') ?? '',
          'X-Internal': 'yes',
        }),
      others: { beta: { servers: [beta.address], apis: ['/beta'] } },
    },
  )
  const get = (target: string, fields: Record<string, string> = {}) => request(port, 'GET', target, { fields })
  return { get, origin, lines, port }
}

test('rules pass, refuse, set fields and send elsewhere, in their order', async (t) => {
  const { get, origin } = await startExpression(t, {
    rules: [
      { if: "request.headers['x-ops'] == 'yes'", pass: true },
      { if: "request.path.startsWith('/admin')", refuse: { status: 404, detail: 'nothing here' } },
      { if: "jwt.role == 'gold' || request.query.tier == 'gold'", set: { 'X-Tier': 'gold' } },
      { if: "request.cookies.beta == '1'", send_to: 'beta' },
    ],
  })
  const refused = await get('/admin/x')
  assert.equal(refused.status, 404)
  // To an instance the two spellings are one path.
  for (const spelled of ['/%61dmin/x', '/adm%69n']) assert.equal((await get(spelled)).status, 404, spelled)
  assert.equal((refused.json() as { detail: string }).detail, 'nothing here')
  assert.equal(origin.requests.length, 0)
  assert.equal((await get('/admin/x', { 'X-Ops': 'yes' })).status, 200)
  assert.equal((await get('/', { 'X-Claims': '{"role":"gold"}', 'X-Tier': 'forged' })).field('x-tier'), 'gold')
  assert.equal((await get('/?tier=gold')).field('x-tier'), 'gold')
  assert.equal((await get('/')).field('x-tier'), '')
  assert.equal((await get('/', { Cookie: 'a=b; beta=1' })).text(), 'beta')
})

test('a condition may look at the answer, and change or replace it', async (t) => {
  const { get } = await startExpression(t, {
    rules: [
      { if: 'response.status >= 500', refuse: { status: 503, detail: 'come back later' } },
      { if: "response.headers['x-internal'] == 'yes' && request.address == '127.0.0.1'", set: { 'X-Seen': '1' } },
    ],
  })
  const bad = await get('/bad')
  assert.deepEqual([bad.status, (bad.json() as { detail: string }).detail], [503, 'come back later'])
  assert.equal((await get('/')).field('x-seen'), '1')
})

test('what is required must hold; what is missing is empty and no fault', async (t) => {
  const { get, lines } = await startExpression(t, {
    require: ["request.headers['x-team'] in ['a', 'b']", "jwt.sub != null && jwt.sub.startsWith('u')"],
    detail: 'only for teams',
  })
  const fields = { 'X-Team': 'a', 'X-Claims': '{"sub":"u1"}' }
  assert.equal((await get('/', fields)).status, 200)
  assert.equal((await get('/', { 'X-Claims': '{"sub":"u1"}' })).status, 403)
  assert.equal((await get('/', { 'X-Team': 'a' })).status, 403)
  assert.equal((await get('/', { ...fields, 'X-Claims': '{"sub":7}' })).status, 403, 'a number begins with nothing')
  await get('/', { ...fields, 'X-Claims': '{"sub":7}' })
  const told = lines.filter(({ message }) => message.includes('has no value'))
  assert.equal(told.length, 1, 'it is told once')
  assert.doesNotMatch(JSON.stringify(told), /127\.0\.0\.1/)
})

test('nothing is in a claim that is missing', async (t) => {
  const { get } = await startExpression(t, { rules: [{ if: "!('admin' in jwt.roles)", refuse: {} }] })
  assert.equal((await get('/')).status, 403)
  assert.equal((await get('/', { 'X-Claims': '{"roles":["user"]}' })).status, 403)
  assert.equal((await get('/', { 'X-Claims': '{"roles":["user","admin"]}' })).status, 200)
})

test('nothing of JavaScript is within reach', async (t) => {
  const { get } = await startExpression(t, {
    rules: [
      { if: "has(jwt.constructor) || has(jwt.__proto__) || 'toString' in request.headers", refuse: {} },
      { if: "request.headers['constructor'] != '' || request.query['__proto__'] != ''", refuse: {} },
    ],
  })
  assert.equal((await get('/', { 'X-Claims': '{"a":1}' })).status, 200)
})

test('the variables and refusals of KrakenD', async (t) => {
  const { get, origin } = await startExpression(
    t,
    {
      dialect: 'krakend',
      require: [
        "req_method == 'GET' && 'application/json' in req_headers['Accept']",
        "req_path == '/ok' && size(req_querystring.q) == 2 && req_querystring.q[0] == 'a'",
        'timestamp(now).getFullYear() > 2020 && has(JWT.sub)',
        'resp_data.total > 3 && resp_metadata_status == 200',
      ],
    },
    '{"total":4}',
  )
  const fields = { Accept: 'application/json', 'X-Claims': '{"sub":"x"}' }
  assert.equal((await get('/ok?q=a&q=b', fields)).status, 200)
  const first = await get('/ok?q=a&q=b', { 'X-Claims': '{"sub":"x"}' })
  assert.deepEqual([first.status, first.text()], [500, 'request aborted by evaluator #0'])
  const second = await get('/ok?q=a', fields)
  assert.deepEqual([second.status, second.text()], [500, 'request aborted by evaluator #1'])
  assert.equal((await get('/ok?q=a&q=b', { Accept: 'application/json' })).text(), 'request aborted by evaluator #2')
  assert.equal(origin.requests.length, 1)
})

test('an answer that KrakenD would refuse is refused, by its data', async (t) => {
  const { get } = await startExpression(t, { dialect: 'krakend', require: ['resp_data.total > 3'] }, '{"total":1}')
  const answer = await get('/')
  assert.deepEqual([answer.status, answer.text()], [500, 'request aborted by evaluator #0'])
})

test('an answer is looked into for clients that take codings, too', async (t) => {
  const body = '{"total":4}'
  const pipe = { use: 'expression', dialect: 'krakend', require: ['resp_data.total > 3'] }
  const { port } = await startPiped(t, {}, [pipe], {
    handler: (req) => {
      if (req.field('accept-encoding') === undefined) req.answer(200, body)
      else req.answer(200, gzipSync(body), { 'Content-Encoding': 'gzip' })
    },
  })
  const answer = await request(port, 'GET', '/', { fields: { 'Accept-Encoding': 'gzip' } })
  assert.deepEqual([answer.status, answer.text()], [200, body])
})

test('conditions of any pipe', async (t) => {
  const { port, origin } = await startPiped(t, {}, [
    {
      use: 'headers',
      when: "request.method == 'POST' && request.headers['x-a'].matches('^[0-9]+$')",
      request: { set: { 'X-B': '1' } },
    },
  ])
  await request(port, 'POST', '/', { body: 'x', fields: { 'X-A': '12' } })
  await request(port, 'POST', '/', { body: 'x', fields: { 'X-A': '1x' } })
  await request(port, 'GET', '/', { fields: { 'X-A': '12' } })
  assert.deepEqual(
    origin.requests.map((req) => req.field('x-b')),
    ['1', undefined, undefined],
  )
})

test('a condition over very much that a client sent comes to its end', async (t) => {
  const { get } = await startExpression(t, {
    rules: [
      { if: "request.headers.all(a, request.headers.exists(b, b == a + 'x'))", refuse: {} },
      { if: "request.headers['x-long'].matches('^a+b')", refuse: {} },
      { if: "request.query.q.split(',').exists(a, a == 'no')", refuse: {} },
    ],
  })
  const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`X-${i}`, 'v']))
  assert.equal((await get(`/?q=${','.repeat(6000)}`, { ...many, 'X-Long': 'a'.repeat(8000) })).status, 200)
})

test('nobody gets past a condition by a text that is too long for its pattern', async (t) => {
  const slow = "request.path.matches('^/.*admin.*$') || request.headers['x-a'].matches('^.*x.*y')"
  const long = { 'X-A': 'x'.repeat(5000) }
  const refusing = await startExpression(t, { rules: [{ if: slow, refuse: {} }] })
  assert.deepEqual([(await refusing.get('/')).status, (await refusing.get('/', long)).status], [200, 403])
  const requiring = await startExpression(t, { require: [`!(${slow})`] })
  assert.deepEqual([(await requiring.get('/')).status, (await requiring.get('/', long)).status], [200, 403])
  const passing = await startExpression(t, {
    rules: [
      { if: slow, pass: true },
      { if: 'true', refuse: {} },
    ],
  })
  assert.deepEqual([(await passing.get('/admin')).status, (await passing.get('/', long)).status], [200, 403])
  const { port } = await startPiped(t, {}, [{ use: 'fault', abort: 401, when: slow }])
  assert.equal((await request(port, 'GET', '/')).status, 200)
  assert.equal((await request(port, 'GET', '/', { fields: long })).status, 401, 'the pipe takes part')
})

test('faults of the config name the rule and the mistake', () => {
  const faults = (options: object) => saidOf({ use: 'expression', ...options }).faults.join('\n')
  const rule = (condition: string) => faults({ rules: [{ if: condition, pass: true }] })
  assert.match(rule('request.path =='), /^test\.json:6:\d+ {2}.*\.rules\[0\]\.if {2}not an expression/)
  assert.match(rule("request.heders['a'] == 'b'"), /request has no field "heders".*did you mean "headers"/)
  assert.match(rule('user == 1'), /unknown variable: user/)
  assert.match(rule('1 + 1'), /must say true or false, and is of type int/)
  assert.match(rule('request.path.matches(request.host)'), /the pattern of matches must be written out/)
  assert.match(rule("request.path.matches('(a+)+')"), /could take very long/)
  assert.match(rule('process.exit() == 1'), /unknown variable|no matching overload/)
  const nested = 'jwt.a.all(x, jwt.a.all(y, jwt.a.all(z, x == y && y == z)))'
  assert.match(rule(nested), /stand in each other/)
  assert.match(rule('true || '.repeat(700) + 'true'), /at most 4000 characters|too|limit|exceed/i)
  assert.match(faults({}), /needs "rules" or "require"/)
  assert.match(faults({ rules: [{ if: 'true' }] }), /needs one of pass, refuse, set and send_to/)
  assert.match(faults({ rules: [{ if: 'response.status == 200', send_to: 'api' }] }), /has been sent by then/)
  assert.match(faults({ rules: [{ if: 'true', send_to: 'nobody' }] }), /there is no service "nobody"/)
  assert.match(faults({ rules: [{ if: 'true', set: { Host: 'x' } }] }), /the gateway sets host itself/)
  const when = (condition: string) => saidOf({ use: 'headers', when: condition, request: {} }).faults.join()
  assert.match(when('request.'), /\.when {2}not an expression/)
  assert.match(when('response.status == 200'), /there is no answer yet/)
})
