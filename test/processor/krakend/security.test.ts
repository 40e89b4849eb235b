// A KrakenD config behind `serverpy -c`: tokens, CORS, robots, and what requests must be like.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { COMPLETED, faults, PARTIAL, rows, startKrakend, WHOLE } from './rig.js'

const SECRET = 'c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXMtYW5kLW1vcmU'
const ISSUER = 'https://issuer.example.org'
const LONG = 4_102_444_800

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(claims: object): string {
  const content = `${encoded({ alg: 'HS256', kid: 'one' })}.${encoded({ iss: ISSUER, aud: 'api', exp: LONG, ...claims })}`
  return `${content}.${createHmac('sha256', Buffer.from(SECRET, 'base64url')).update(content).digest('base64url')}`
}

async function keySet(t: Cleanup): Promise<string> {
  const keys = JSON.stringify({ keys: [{ kty: 'oct', kid: 'one', alg: 'HS256', k: SECRET }] })
  const { address } = await startOrigin(t, (asked) => asked.answer(200, keys, { 'Content-Type': 'application/json' }))
  return `http://${address}/jwks`
}

async function startValidated(t: Cleanup, validator: object, endpoint: object = {}) {
  const own = { alg: 'HS256', jwk_url: await keySet(t), disable_jwk_security: true, issuer: ISSUER, audience: ['api'] }
  const krakend = await startKrakend(
    t,
    [
      {
        endpoint: '/a',
        backend: [{ url_pattern: '/1' }],
        ...endpoint,
        extra_config: { 'auth/validator': { ...own, ...validator } },
      },
    ],
    (asked) => asked.answer(200, JSON.stringify({ at: asked.target, role: asked.field('x-role') ?? null })),
  )
  const ask = (bearer?: string) =>
    krakend.ask('/a', bearer === undefined ? {} : { fields: { Authorization: `bearer ${bearer}` } })
  return { ...krakend, ask }
}

test('a request without a token, with a bad one or one that is out of date is 401, and the backend is not asked', async (t) => {
  const { ask, origin } = await startValidated(t, {})
  const bad = [
    undefined,
    'a.bad.token',
    token({ exp: 1000 }),
    token({ iss: 'other' }),
    token({ aud: 'other' }),
    `${token({})}x`,
  ]
  for (const one of bad) {
    const answer = await ask(one)
    assert.deepEqual([answer.status, answer.text()], [401, ''], one)
    for (const name of [COMPLETED, 'Content-Type', 'Cache-Control']) assert.equal(answer.field(name), undefined, name)
  }
  assert.equal(origin.requests.length, 0)
  assert.equal((await ask(token({}))).status, 200)
})

test('a token without one of the roles is 403, whatever it is otherwise', async (t) => {
  const { ask, origin } = await startValidated(t, { roles_key: 'groups', roles: ['admin', 'owner'] })
  for (const groups of [undefined, [], ['user']]) {
    const answer = await ask(token({ groups }))
    assert.deepEqual([answer.status, answer.text(), answer.field(COMPLETED)], [403, '', undefined])
  }
  assert.equal(origin.requests.length, 0)
  assert.equal((await ask(token({ groups: ['user', 'owner'] }))).status, 200)
})

test('roles are found inside of other claims', async (t) => {
  const { ask } = await startValidated(t, { roles_key: 'realm.roles', roles_key_is_nested: true, roles: ['admin'] })
  assert.equal((await ask(token({ realm: { roles: ['admin'] } }))).status, 200)
  assert.equal((await ask(token({ realm: {} }))).status, 403)
})

test('any of the scopes is enough unless the matcher asks for all', async (t) => {
  const scopes = { scopes_key: 'scope', scopes: ['read', 'write'] }
  const any = await startValidated(t, scopes)
  assert.equal((await any.ask(token({ scope: 'read' }))).status, 200)
  assert.equal((await any.ask(token({ scope: 'list' }))).status, 403)
  const all = await startValidated(t, { ...scopes, scopes_matcher: 'all' })
  assert.equal((await all.ask(token({ scope: 'read' }))).status, 403)
  assert.equal((await all.ask(token({ scope: 'write read' }))).status, 200)
})

test('claims stand in url_pattern, and in fields where the validator propagates them', async (t) => {
  const backend = [{ url_pattern: '/u/{JWT.sub}' }]
  const validator = { propagate_claims: [['role', 'X-Role']] }
  const { ask } = await startValidated(t, validator, { input_headers: ['X-Role'], backend })
  assert.equal((await ask(token({ sub: '42', role: 'owner' }))).text(), '{"at":"/u/42","role":"owner"}')
})

test('a signer turns the fields that it names into tokens', async (t) => {
  const signer = {
    alg: 'HS256',
    kid: 'one',
    keys_to_sign: ['access_token'],
    jwk_url: await keySet(t),
    disable_jwk_security: true,
  }
  const claims = { sub: '7', exp: LONG, aud: 'api' }
  const { ask } = await startKrakend(
    t,
    [{ endpoint: '/t', cache_ttl: '1h', backend: [{ url_pattern: '/1' }], extra_config: { 'auth/signer': signer } }],
    { '/1': { access_token: claims, expires: LONG } },
  )
  const answer = await ask('/t')
  const { access_token: made, expires } = answer.json() as { access_token: string; expires: number }
  const [head = '', content = '', signature] = made.split('.')
  assert.equal(Buffer.from(head, 'base64url').toString(), '{"alg":"HS256","kid":"one"}')
  assert.equal(Buffer.from(content, 'base64url').toString(), '{"aud":"api","exp":4102444800,"sub":"7"}')
  const key = Buffer.from(SECRET, 'base64url')
  assert.equal(signature, createHmac('sha256', key).update(`${head}.${content}`).digest('base64url'))
  assert.equal(expires, LONG)
  assert.equal(answer.field('Cache-Control'), undefined)
})

const cors = {
  allow_origins: ['https://shop.example.org'],
  allow_methods: ['GET', 'POST'],
  allow_headers: ['X-Own'],
  expose_headers: ['X-Told'],
  max_age: '12h',
}
const plain = { endpoint: '/a', backend: [{ url_pattern: '/1' }] }
const says = { '/1': { a: 1 } }
const withCors = { extra_config: { 'security/cors': cors } }
const NO_CORS = {
  'Access-Control-Allow-Origin': undefined,
  'Access-Control-Allow-Methods': undefined,
  'Access-Control-Allow-Headers': undefined,
}
const preflight = (origin: string, method: string, fields?: string) => ({
  method: 'OPTIONS',
  fields: {
    Origin: origin,
    'Access-Control-Request-Method': method,
    ...(fields !== undefined && { 'Access-Control-Request-Headers': fields }),
  },
})

rows([
  {
    name: 'a preflight that is allowed is 204 and says what is',
    endpoint: plain,
    says,
    top: withCors,
    asked: preflight('https://shop.example.org', 'POST', 'x-own'),
    status: 204,
    body: '',
    fields: {
      'Access-Control-Allow-Origin': 'https://shop.example.org',
      'Access-Control-Allow-Methods': 'POST',
      'Access-Control-Allow-Headers': 'x-own',
      'Access-Control-Max-Age': '43200',
      [COMPLETED]: undefined,
    },
    targets: [],
  },
  ...[
    ['of another origin', preflight('https://evil.example.org', 'GET')],
    ['for another method', preflight('https://shop.example.org', 'PUT')],
    ['with another field', preflight('https://shop.example.org', 'GET', 'x-other')],
  ].map(([what, asked]) => ({
    name: `a preflight ${String(what)} is 204 without a word of CORS`,
    endpoint: plain,
    says,
    top: withCors,
    asked: asked as ReturnType<typeof preflight>,
    status: 204,
    body: '',
    fields: NO_CORS,
    targets: [],
  })),
  {
    name: 'an answer to a page of an origin that is allowed says so, and what it may read',
    endpoint: plain,
    says,
    top: withCors,
    asked: { fields: { Origin: 'https://shop.example.org' } },
    status: 200,
    fields: {
      ...WHOLE,
      'Access-Control-Allow-Origin': 'https://shop.example.org',
      'Access-Control-Expose-Headers': 'X-Told',
      Vary: 'Origin',
    },
  },
  {
    name: 'an answer to a page of another origin says nothing of CORS',
    endpoint: plain,
    says,
    top: withCors,
    asked: { fields: { Origin: 'https://evil.example.org' } },
    status: 200,
    fields: NO_CORS,
  },
  {
    name: 'a failure says to a page of an allowed origin that it may read it',
    endpoint: plain,
    top: withCors,
    target: '/none',
    asked: { fields: { Origin: 'https://shop.example.org' } },
    status: 404,
    fields: { 'Access-Control-Allow-Origin': 'https://shop.example.org' },
  },
  ...(
    [
      ['that is denied by its name', 'evil', 403],
      ['that a pattern takes', 'robot/2.0', 403],
      ['that a pattern takes and its name allows', 'robot/1.0', 200],
      ['that nothing is said of', 'browser', 200],
    ] as const
  ).map(([what, agent, status]) => ({
    name: `a program ${what} is ${status}`,
    endpoint: plain,
    says,
    top: {
      extra_config: { 'security/bot-detector': { deny: ['evil'], allow: ['robot/1.0'], patterns: ['(robot)/.*'] } },
    },
    asked: { fields: { 'User-Agent': agent } },
    status,
    body: status === 200 ? '{"a":1}' : '',
    fields: { [COMPLETED]: status === 200 ? 'true' : undefined },
    targets: status === 200 ? ['/1'] : [],
  })),
  ...(
    [
      ['that fits the schema passes', '{"n":1}', 200],
      ['that does not is 400', '{"n":"x"}', 400],
      ['that is no JSON is 400', 'x', 400],
      ['that is not there is 400', '', 400],
    ] as const
  ).map(([what, body, status]) => ({
    name: `a body ${what}, whatever it is called`,
    endpoint: {
      ...plain,
      method: 'POST',
      extra_config: { 'validation/json-schema': { type: 'object', properties: { n: { type: 'number' } } } },
    },
    says,
    asked: { method: 'POST', body },
    status,
    fields: { [COMPLETED]: status === 200 ? 'true' : 'false' },
    targets: status === 200 ? ['/1'] : [],
  })),
  ...(
    [
      ['/a/2', 200, '{"a":1}'],
      ['/a/3', 500, 'request aborted by evaluator #1'],
      ['/a/100', 500, 'request aborted by evaluator #0'],
    ] as const
  ).map(([target, status, body]) => ({
    name: `of several expressions the first that does not hold is named: ${target}`,
    endpoint: {
      endpoint: '/a/{id}',
      backend: [{ url_pattern: '/1' }],
      extra_config: {
        'validation/cel': [{ check_expr: 'int(req_params.Id) < 10' }, { check_expr: 'int(req_params.Id) % 2 == 0' }],
      },
    },
    says,
    top: { extra_config: { router: { return_error_msg: true } } },
    target,
    status,
    body,
    fields: { [COMPLETED]: status === 200 ? 'true' : 'false', 'Cache-Control': undefined },
    targets: status === 200 ? ['/1'] : [],
  })),
  {
    name: 'an expression that does not hold is a bare 500 where the router does not tell why',
    endpoint: { ...plain, extra_config: { 'validation/cel': [{ check_expr: "req_method == 'POST'" }] } },
    says,
    status: 500,
    body: '',
    fields: PARTIAL,
  },
  {
    name: 'an expression over the data of the answer',
    endpoint: { ...plain, extra_config: { 'validation/cel': [{ check_expr: 'resp_data.a > 1' }] } },
    says,
    status: 500,
    body: '',
    fields: PARTIAL,
    targets: ['/1'],
  },
])

test('an expression that cannot be read is a fault with its place', async (t) => {
  const endpoint = { ...plain, extra_config: { 'validation/cel': [{ check_expr: 'req_method ==' }] } }
  const [fault] = await faults(t, { version: 3, host: ['http://127.0.0.1:1'], endpoints: [endpoint] })
  assert.match(fault ?? '', /^\d+:\d+ {2}endpoints\[0\]\.extra_config\["validation\/cel"\]\[0\]\.check_expr /)
})

test('security/http sets the fields for browsers', async (t) => {
  const options = { frame_deny: true, content_type_nosniff: true, sts_seconds: 60, sts_include_subdomains: true }
  const { ask } = await startKrakend(t, [plain], says, { extra_config: { 'security/http': options } })
  const answer = await ask('/a')
  assert.deepEqual(
    ['X-Frame-Options', 'X-Content-Type-Options', 'Strict-Transport-Security'].map((name) => answer.field(name)),
    ['DENY', 'nosniff', 'max-age=60; includeSubdomains'],
  )
})
