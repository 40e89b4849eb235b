// The pipe `auth-jwt` over real sockets: tokens, keys that change, and what instances hear of them.
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SignJWT, UnsecuredJWT, type JWTPayload } from 'jose'
import { startGateway } from '../../kit/gateway.js'
import { rawRequest, request, statusOf } from '../../kit/http.js'
import { readMessages } from '../../kit/message.js'
import { startOrigin } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

const SECRET = 'a secret of more than thirty-two bytes'
const secret = new TextEncoder().encode(SECRET)
const now = () => Math.floor(Date.now() / 1000)

const sign = (claims: JWTPayload, key: KeyObject | Uint8Array = secret, header: { alg?: string; kid?: string } = {}) =>
  new SignJWT({ exp: now() + 600, ...claims }).setProtectedHeader({ alg: 'HS256', ...header }).sign(key)

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

function keyPair(kid: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }
  const token = (claims: JWTPayload = {}) => sign(claims, privateKey, { alg: 'ES256', kid })
  return { privateKey, publicKey, jwk, token }
}

const jwt = (more: Record<string, unknown> = {}) => ({ use: 'auth-jwt', secret: SECRET, ...more })

test('a valid token passes; a missing, expired, early, foreign or broken one gets 401, and no instance hears of it', async (t) => {
  const pipe = jwt({ issuer: 'https://issuer.example', audience: ['orders', 'users'], realm: 'shop', require: ['exp'] })
  const { port, origin, lines } = await startPiped(t, {}, [pipe])
  const claims = { iss: 'https://issuer.example', aud: ['x', 'users'] }
  const good = await sign(claims)
  assert.equal((await request(port, 'GET', '/', { fields: bearer(good) })).status, 200)
  assert.equal((await request(port, 'GET', '/', { fields: { authorization: `bearer ${good}` } })).status, 200)
  assert.equal(origin.requests.length, 2)
  const [head = '', body = ''] = good.split('.')
  const refused: readonly (readonly [string | undefined, string])[] = [
    [undefined, ''],
    [await sign({ ...claims, exp: now() - 1 }), 'it has expired'],
    [await sign({ ...claims, nbf: now() + 60 }), 'it is not valid yet'],
    [await sign({ ...claims, iss: 'https://other.example' }), 'its claim iss is not as expected'],
    [await sign({ ...claims, aud: 'x' }), 'its claim aud is not as expected'],
    [await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret), 'its claim exp is not as expected'],
    [await sign(claims, new TextEncoder().encode(`${SECRET}!`)), 'its signature is wrong'],
    [await sign(claims, new TextEncoder().encode(SECRET.repeat(2)), { alg: 'HS512' }), 'its signature is wrong'],
    [`${head}.${body}.`, 'its signature is wrong'],
    [new UnsecuredJWT({ ...claims, exp: now() + 60 }).encode(), 'its signature is of a kind that is not accepted'],
    ['a.b.c', 'it is malformed'],
    ['x'.repeat(20_000), 'it is malformed'],
  ]
  for (const [token, reason] of refused) {
    const answer = await request(port, 'GET', '/', { fields: token === undefined ? {} : bearer(token) })
    assert.equal(answer.status, 401, reason)
    const challenge = 'Bearer realm="shop"'
    const told = `${challenge}, error="invalid_token", error_description="${reason}"`
    assert.equal(answer.field('www-authenticate'), reason === '' ? challenge : told)
    assert.equal(answer.field('content-type'), 'application/problem+json')
  }
  assert.equal((await request(port, 'GET', '/', { fields: { Authorization: 'Basic abc' } })).status, 401)
  const two = await request(port, 'GET', '/', {
    fields: { Authorization: `Bearer ${good}`, authorization: 'Bearer x' },
  })
  assert.equal(two.status, 401)
  assert.equal(origin.requests.length, 2)
  assert.deepEqual(lines, [])
})

test('a token expires for one who was let in a moment ago', async (t) => {
  const { port, origin } = await startPiped(t, {}, [jwt()])
  const token = await sign({ exp: now() + 2 })
  assert.equal((await request(port, 'GET', '/', { fields: bearer(token) })).status, 200)
  const answer = await waitFor(async () => {
    const got = await request(port, 'GET', '/', { fields: bearer(token) })
    return got.status === 401 ? got : undefined
  })
  assert.match(answer.field('www-authenticate') ?? '', /it has expired/)
  const before = origin.requests.length
  const late = await startPiped(t, {}, [jwt({ leeway: '1h' })])
  assert.equal((await request(late.port, 'GET', '/', { fields: bearer(token) })).status, 200)
  assert.equal(origin.requests.length, before)
})

test('a token without the role or scope that is needed gets 403, and no instance hears of it', async (t) => {
  const { port, origin } = await startPiped(t, {}, [
    jwt({ roles: ['admin', 'clerk'], roles_key: 'realm.roles', scopes: ['read', 'write'], scopes_matcher: 'all' }),
  ])
  const ask = async (claims: JWTPayload) => request(port, 'GET', '/', { fields: bearer(await sign(claims)) })
  const roles = { realm: { roles: ['clerk'] } }
  assert.equal((await ask({ ...roles, scope: 'write read' })).status, 200)
  assert.equal((await ask({ 'realm.roles': 'x admin', scope: ['read', 'write'] })).status, 200)
  assert.equal(origin.requests.length, 2)
  const lacking = await ask({ ...roles, scope: 'read' })
  assert.equal(lacking.status, 403)
  assert.match(lacking.field('www-authenticate') ?? '', /error="insufficient_scope", scope="read write"$/)
  for (const claims of [
    {},
    { realm: { roles: ['user'] } },
    { realm: 7 },
    { realm: { roles: { admin: 1 } } },
    { roles: ['admin'] },
  ]) {
    const answer = await ask({ ...claims, scope: 'read write' })
    assert.equal(answer.status, 403)
    assert.equal((answer.json() as { type: string }).type, 'urn:serverpy:error:forbidden')
  }
  assert.equal(origin.requests.length, 2)
})

test('claims go to the instance in fields that no client can set', async (t) => {
  const claims_to_headers = {
    sub: 'X-User',
    'org.id': 'X-Org',
    roles: 'X-Roles',
    'https://x/y': 'X-Odd',
    gone: 'X-Gone',
    bad: 'X-Bad',
    list: 'X-Bad',
  }
  const { port, origin } = await startPiped(t, {}, [jwt({ claims_to_headers, optional: true })])
  const forged = { 'x-user': 'root', X_User: 'root', 'X-ORG': 'all', 'X-Gone': '1', 'X-Bad': '1' }
  const token = await sign({
    sub: 'ann',
    org: { id: 7 },
    roles: ['a', 'b'],
    'https://x/y': 'ü',
    bad: 'a\r\nX-User: root',
    list: ['a,root'],
  })
  assert.equal((await request(port, 'GET', '/', { fields: { ...forged, ...bearer(token) } })).status, 200)
  assert.equal((await request(port, 'GET', '/', { fields: forged })).status, 200)
  const sent = origin.requests.map((req) =>
    req.fields.filter(([name]) => /^x.(user|org|roles|odd|gone|bad)$/i.test(name)),
  )
  const odd = Buffer.from('ü').toString('latin1')
  assert.deepEqual(sent, [
    [
      ['X-User', 'ann'],
      ['X-Org', '7'],
      ['X-Roles', 'a,b'],
      ['X-Odd', odd],
    ],
    [],
  ])
})

test('where a token is optional, one that is written in another way is a bad one and no missing one', async (t) => {
  const { port, origin } = await startPiped(t, {}, [jwt({ optional: true })])
  const token = await sign({ sub: 'ann' })
  const ask = async (lines: string) =>
    statusOf(readMessages(await rawRequest(port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`), { closed: true })[0]!)
  for (const lines of [
    `Authorization: Bearer ${token}\r\nAuthorization: Bearer forged\r\n`,
    'Authorization: Basic YTpi\r\nAuthorization: Bearer forged\r\n',
    'Authorization: Bearer\tforged\r\n',
    'Authorization: Bearer forged more\r\n',
    'Authorization: bearer,forged\r\n',
    'Authorization: Bearer\r\n',
  ])
    assert.equal(await ask(lines), 401, lines)
  assert.equal(origin.requests.length, 0)
  for (const lines of [
    '',
    'Authorization: Basic YTpi\r\n',
    'Authorization: \r\n',
    `Authorization: Bearer ${token}\r\n`,
  ])
    assert.equal(await ask(lines), 200, lines)
})

test('a token in the query, a cookie or a field of its own is found, and kept from the instance', async (t) => {
  const { port, origin } = await startPiped(t, {}, [
    jwt({ header: 'X-Token', cookie: 'session', query: 'token', forward: false }),
  ])
  const token = await sign({})
  const ask = async (target: string, fields: Record<string, string> = {}) =>
    (await request(port, 'GET', target, { fields })).status
  assert.equal(await ask(`/q?a=1&token=${token}&t%6fken=x`), 200)
  assert.equal(await ask('/c', { Cookie: `a=1; session=${token}` }), 200)
  assert.equal(await ask('/f', { 'X-Token': token }), 200)
  assert.equal(await ask('/b?token=x', { 'X-Token': `Bearer ${token}`, Cookie: `session=${token}` }), 200)
  assert.equal(await ask('/n', bearer(token)), 401)
  assert.deepEqual(
    origin.requests.map((req) => [req.target, req.field('cookie'), req.field('x-token')]),
    [
      ['/q?a=1', undefined, undefined],
      ['/c', 'a=1', undefined],
      ['/f', undefined, undefined],
      ['/b', undefined, undefined],
    ],
  )
})

test('the token itself travels on unless the config says otherwise', async (t) => {
  const token = await sign({})
  for (const [more, expected] of [
    [{}, `Bearer ${token}`],
    [{ forward: false }, undefined],
  ] as const) {
    const { port, origin } = await startPiped(t, {}, [jwt(more)])
    for (let i = 0; i < 2; i++) await request(port, 'GET', '/', { fields: bearer(token) })
    assert.deepEqual(
      origin.requests.map((req) => req.field('authorization')),
      [expected, expected],
    )
  }
})

test('keys are rotated without a restart, and a flood of unknown keys asks for them once', async (t) => {
  const [old, young, forged] = [keyPair('old'), keyPair('young'), keyPair('forged')]
  let keys = [old.jwk]
  const issuer = await startOrigin(t, (req) => req.answer(200, JSON.stringify({ keys })))
  const pipe = { use: 'auth-jwt', jwks: `http://${issuer.address}/keys`, jwks_cooldown: '300ms' }
  const { port, origin } = await startPiped(t, {}, [pipe])
  const ask = async (token: Promise<string>) =>
    (await request(port, 'GET', '/', { fields: bearer(await token) })).status
  assert.equal(await ask(old.token()), 200)
  assert.equal(issuer.requests.length, 1)
  keys = [old.jwk, young.jwk]
  // The first that comes within the cooldown must wait for its end.
  await waitFor(async () => (await ask(young.token())) === 200)
  const asked = issuer.requests.length
  assert.equal(asked, 2)
  assert.equal(await ask(old.token()), 200)
  const served = origin.requests.length
  const begun = performance.now()
  const statuses = await Promise.all(Array.from({ length: 50 }, () => ask(forged.token())))
  assert.deepEqual(new Set(statuses), new Set([401]))
  // One, unless this machine is so slow that the flood outlasts the cooldown.
  const most = 1 + Math.ceil((performance.now() - begun) / 300)
  assert.ok(issuer.requests.length <= asked + most, `${issuer.requests.length} of ${asked + most}`)
  assert.equal(origin.requests.length, served)
})

test('a key that its issuer has withdrawn is believed no more, not even for tokens that were verified before', async (t) => {
  const [old, young] = [keyPair('old'), keyPair('young')]
  let keys = [old.jwk]
  const issuer = await startOrigin(t, (req) => req.answer(200, JSON.stringify({ keys })))
  const pipe = { use: 'auth-jwt', jwks: `http://${issuer.address}/keys`, jwks_ttl: '50ms', jwks_cooldown: '50ms' }
  const { port } = await startPiped(t, {}, [pipe])
  const token = await old.token()
  const status = async () => (await request(port, 'GET', '/', { fields: bearer(token) })).status
  assert.deepEqual([await status(), await status()], [200, 200])
  keys = [young.jwk]
  await waitFor(async () => (await status()) === 401)
})

test('while the issuer is away the keys of before hold; without any the request fails closed', async (t) => {
  const pair = keyPair('one')
  const issuer = await startOrigin(t, (req) => req.answer(200, JSON.stringify({ keys: [pair.jwk] })))
  const pipe = { use: 'auth-jwt', jwks: `http://${issuer.address}/keys`, jwks_ttl: '1ms', tokens: 0 }
  const { port, lines } = await startPiped(t, {}, [pipe])
  const ask = async (to: number) => request(to, 'GET', '/', { fields: bearer(await pair.token({ n: Math.random() })) })
  assert.equal((await ask(port)).status, 200)
  await issuer.stop()
  assert.equal((await ask(port)).status, 200)
  // Asked for again in the background, a second after the last time.
  await waitFor(() => lines.some(({ message }) => message.includes('could not be had')) || ask(port).then(() => false))
  assert.equal((await ask(port)).status, 200)
  const other = await startPiped(t, {}, [pipe])
  const failed = await ask(other.port)
  assert.deepEqual([failed.status, failed.field('retry-after')], [503, '1'])
  const said = other.lines.find(({ message }) => message.includes('could not be had'))
  assert.deepEqual([said?.fields['from'], said?.fields['known']], [issuer.address, false])
  assert.equal(other.origin.requests.length, 0)
  assert.ok(!JSON.stringify(other.lines).includes('eyJ'))
})

test('a key set that is no key set, too large, redirected or late is none', async (t) => {
  const pair = keyPair('one')
  const good = JSON.stringify({ keys: [pair.jwk] })
  let elsewhere = 0
  const issuer = await startOrigin(t, (req) => {
    if (req.target === '/html') req.answer(200, '<html>')
    else if (req.target === '/list') req.answer(200, '[]')
    else if (req.target === '/large') req.answer(200, good + ' '.repeat(2000))
    else if (req.target === '/moved') req.answer(302, '', { Location: '/good' })
    else if (req.target === '/good') {
      elsewhere++
      req.answer(200, good)
    } else if (req.target === '/error') req.answer(500, good)
  })
  for (const path of ['html', 'list', 'large', 'moved', 'error', 'late']) {
    const pipe = { use: 'auth-jwt', jwks: `http://${issuer.address}/${path}`, jwks_size: 1000, jwks_timeout: '200ms' }
    const { port, origin } = await startPiped(t, {}, [pipe])
    const answer = await request(port, 'GET', '/', { fields: bearer(await pair.token()) })
    assert.deepEqual([answer.status, origin.requests.length], [503, 0], path)
  }
  assert.equal(elsewhere, 0)
})

test('a service that the registry knows may have the keys', async (t) => {
  const pair = keyPair('one')
  const issuer = await startOrigin(t, (req) => req.answer(200, JSON.stringify({ keys: [pair.jwk] })))
  const pipe = { use: 'auth-jwt', jwks: { service: 'accounts', path: '/.well-known/jwks.json' } }
  const others = { accounts: { servers: [issuer.address], apis: ['/accounts'] } }
  const { port, origin } = await startPiped(t, {}, [pipe], { others })
  for (let i = 0; i < 3; i++)
    assert.equal((await request(port, 'GET', '/', { fields: bearer(await pair.token({ i })) })).status, 200)
  assert.deepEqual([origin.requests.length, issuer.requests.map((req) => req.target)], [3, ['/.well-known/jwks.json']])
})

test('a public key is never taken for a secret, and each kind of key has its own signatures', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const { port, origin } = await startPiped(t, {}, [{ use: 'auth-jwt', key: pem }])
  const ask = async (token: Promise<string>) =>
    (await request(port, 'GET', '/', { fields: bearer(await token) })).status
  assert.equal(await ask(sign({}, privateKey, { alg: 'RS256' })), 200)
  assert.equal(await ask(sign({}, privateKey, { alg: 'PS512' })), 200)
  assert.equal(await ask(sign({}, new TextEncoder().encode(pem), { alg: 'HS256' })), 401)
  assert.equal(origin.requests.length, 2)
})

test('keys of a file: of several without a name each is tried, secrets only where the config says so', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-jwks-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'keys.json')
  const [one, two] = [keyPair('one'), keyPair('two')]
  const oct = { kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), kid: 'sim', alg: 'HS256' }
  const nameless = [one, two].map(({ jwk: { kid: _, ...rest } }) => rest)
  writeFileSync(file, JSON.stringify({ keys: [...nameless, oct] }))
  const open = await startPiped(t, {}, [{ use: 'auth-jwt', jwks_file: file, algorithms: ['ES256', 'HS256'] }])
  const closed = await startPiped(t, {}, [{ use: 'auth-jwt', jwks_file: file }])
  const ask = async (port: number, token: Promise<string>) =>
    (await request(port, 'GET', '/', { fields: bearer(await token) })).status
  assert.equal(await ask(open.port, sign({}, two.privateKey, { alg: 'ES256' })), 200)
  assert.equal(await ask(open.port, sign({}, secret, { kid: 'sim' })), 200)
  assert.equal(await ask(closed.port, sign({}, secret, { kid: 'sim' })), 401)
  assert.equal(await ask(open.port, two.token()), 401)
})

test('later pipes see the claims, and none can change them for others', async (t) => {
  const source = `export default { create() { return { onRequest(x) {
    const claims = x.state.get('jwt.claims')
    try { claims.sub = 'root' } catch {}
    x.headers.set('X-Mark', claims.sub + ' ' + claims.org.id)
  } } } }`
  const { port } = await startPiped(t, { look: source }, [jwt(), { use: 'look' }])
  const token = await sign({ sub: 'ann', org: { id: 7 } })
  for (let i = 0; i < 2; i++) {
    const answer = await request(port, 'GET', '/', { fields: bearer(token) })
    assert.equal(answer.field('x-mark'), 'ann 7')
  }
})

test('verified tokens are remembered up to a bound, and where none are, each is verified', async (t) => {
  const { port, origin } = await startPiped(t, {}, [jwt({ tokens: 2 }), jwt({ tokens: 0, name: 'again' })])
  const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => sign({ i })))
  for (const token of [...tokens, ...tokens]) {
    assert.equal((await request(port, 'GET', '/', { fields: bearer(token) })).status, 200)
  }
  assert.equal(origin.requests.length, 40)
})

test('a refusal may be empty, and routes with different rules do not mix', async (t) => {
  const origin = await startOrigin(t, (req) => req.answer(200))
  const { port } = await startGateway(t, {
    services: { api: { servers: [origin.address] } },
    routes: [
      { match: { path: '/open' }, service: 'api' },
      { match: { path: '/staff' }, service: 'api', pipes: [jwt({ roles: ['staff'], refusal: 'empty' })] },
      { match: { path: '/users' }, service: 'api', pipes: [jwt()] },
    ],
  })
  const fields = bearer(await sign({ roles: ['user'] }))
  const staff = await request(port, 'GET', '/staff', { fields })
  assert.deepEqual([staff.status, staff.text(), staff.field('content-type')], [403, '', undefined])
  assert.equal((await request(port, 'GET', '/users', { fields })).status, 200)
  assert.equal((await request(port, 'GET', '/open')).status, 200)
  assert.equal((await request(port, 'HEAD', '/users', { head: true })).status, 401)
})

test('faults of the keys and the signatures name their places and never a secret', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const first = (pipe: Record<string, unknown>) => saidOf({ use: 'auth-jwt', ...pipe }).faults[0] ?? ''
  assert.match(first({}), /there is no key/)
  assert.match(first({ secret: SECRET, algorithms: ['none'] }), /^test\.json:7:15 .*algorithms\[0\] {2}must be one of/)
  assert.match(first({ key: pem, algorithms: ['HS256'] }), /HS256 does not go with this key {2}\(EdDSA, Ed25519\)/)
  assert.match(first({ secret: SECRET, algorithms: ['RS256'] }), /RS256 does not go with this key/)
  assert.match(first({ key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }), /this is a private key/)
  assert.match(first({ key: 'hello' }), /neither a public key nor a certificate/)
  assert.match(first({ secret: SECRET, key: pem }), /"key" is there too/)
  assert.match(first({ jwks: 'ftp://x' }), /not a URL/)
  assert.match(first({ jwks: 'https://user:word@x/' }), /must not hold a user/)
  assert.match(first({ jwks: { service: 'gone', path: '/' } }), /there is no service "gone"/)
  assert.match(first({ jwks_file: 'none.json' }), /there is no such file/)
  assert.match(first({ secret: SECRET, claims_to_headers: { sub: 'Content-Length' } }), /set by the sender alone/)
  assert.match(saidOf({ use: 'auth-jwt', jwks: 'http://example.org/keys' }).warnings[0] ?? '', /travel unprotected/)
  assert.deepEqual(saidOf({ use: 'auth-jwt', jwks: 'http://127.0.0.1:1/keys' }).warnings, [])
  const short = saidOf({ use: 'auth-jwt', secret: '${S}' }, { S: 'too short' })
  assert.match(short.warnings[0] ?? '', /a short secret/)
  assert.ok(!short.warnings.join().includes('too short'))
})
