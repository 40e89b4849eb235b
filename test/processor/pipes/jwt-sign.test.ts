// `jwt-sign`: each kind of key, what is signed and what is not, and what happens without a key.
import assert from 'node:assert/strict'
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  verify,
  constants,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createSigner } from '../../../processor/pipes/auth/signer.js'
import { parseConfig } from '../../../shared/config/parse.js'
import { startConfig, startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin, type OriginHandler } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { ROOT } from '../../structure/sources.js'

const SECRET = Buffer.from('a secret of more than thirty-two bytes').toString('base64url')
const KEY = { kty: 'oct', kid: 'one', k: SECRET }

const partsOf = (token: string) => {
  const [head = '', content = '', signature = ''] = token.split('.')
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { signed: `${head}.${content}`, head: read(head), claims: read(content), signature }
}

const hmac = (content: string): string =>
  createHmac('sha256', Buffer.from(SECRET, 'base64url')).update(content).digest('base64url')

async function start(t: Cleanup, says: OriginHandler, options: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-sign-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'keys.jwks')
  writeFileSync(file, JSON.stringify({ keys: [{ kty: 'oct', kid: 'zero', k: 'AAAA' }, KEY] }))
  const origin = await startOrigin(t, says)
  const pipe = { use: 'jwt-sign', kid: 'one', algorithm: 'HS256', jwks_file: file, ...options }
  const services = { s: { servers: [origin.address], apis: ['/a'], pipes: [pipe] } }
  return { ...(await startGateway(t, { services })), origin }
}

const JSON_FIELDS = { 'Content-Type': 'application/json' }
const CACHING = {
  'Cache-Control': 'max-age=60',
  Expires: 'Thu, 01 Jan 2037 00:00:00 GMT',
  ETag: '"x"',
  'Last-Modified': 'Thu, 01 Jan 2015 00:00:00 GMT',
}

test('an answer is signed for clients that take codings, too', async (t) => {
  const body = '{"access_token":{"sub":"7"}}'
  const { port } = await start(t, (x) => {
    if (x.field('accept-encoding') === undefined) x.answer(200, body, JSON_FIELDS)
    else x.answer(200, gzipSync(body), { ...JSON_FIELDS, 'Content-Encoding': 'gzip' })
  })
  const answer = await request(port, 'GET', '/a', { fields: { 'Accept-Encoding': 'gzip, br' } })
  const { access_token: token } = answer.json() as Record<string, unknown>
  assert.deepEqual(partsOf(String(token)).claims, { sub: '7' })
})

test('objects in the fields become tokens, and everything else stays', async (t) => {
  const data = { access_token: { sub: '7', exp: 1, b: { z: 1, a: 2 } }, refresh_token: 'opaque', other: { a: 1 } }
  const { port } = await start(t, (x) => x.answer(200, JSON.stringify(data), { ...JSON_FIELDS, ...CACHING }))
  const answer = await request(port, 'GET', '/a')
  const { access_token: token, ...rest } = answer.json() as Record<string, unknown>
  assert.deepEqual(rest, { refresh_token: 'opaque', other: { a: 1 } })
  const { signed, head, claims, signature } = partsOf(String(token))
  assert.deepEqual([head, claims, signature], [{ alg: 'HS256', kid: 'one' }, data.access_token, hmac(signed)])
  for (const name of Object.keys(CACHING)) assert.equal(answer.field(name), undefined)
})

test('answers with another status, and those that are no objects, pass as they are', async (t) => {
  const bodies: [number, string][] = [
    [401, '{"access_token":{"sub":"7"}}'],
    [200, '[{"access_token":{}}]'],
    [200, 'no JSON'],
    [200, '{"a":1}'],
  ]
  const { port } = await start(t, (x) => {
    const [status, body] = bodies[Number(x.target.slice(-1))] ?? [500, '']
    x.answer(status, body, JSON_FIELDS)
  })
  for (const [i, [status, body]] of bodies.entries()) {
    const answer = await request(port, 'GET', `/a/${i}`)
    assert.deepEqual([answer.status, answer.text()], [status, body])
  }
})

test('without the key the answer is 500, and what should have been signed never goes out', async (t) => {
  const { port } = await start(t, (x) => x.answer(200, '{"access_token":{"sub":"7"}}', JSON_FIELDS), { kid: 'none' })
  const answer = await request(port, 'GET', '/a')
  assert.equal(answer.status, 500)
  assert.doesNotMatch(answer.text(), /sub/)
})

test('an answer that is too long to be held is 502', async (t) => {
  const { port } = await start(t, (x) =>
    x.answer(200, `{"access_token":{},"x":"${'y'.repeat(1024 * 1024)}"}`, JSON_FIELDS),
  )
  assert.equal((await request(port, 'GET', '/a')).status, 502)
})

test('the key set may come from a service of the config, and is asked for once', async (t) => {
  const keys = JSON.stringify({ keys: [KEY] })
  const { port, origin } = await start(
    t,
    (x) =>
      x.target === '/keys'
        ? x.answer(200, keys, JSON_FIELDS)
        : x.answer(200, '{"access_token":{"sub":"7"}}', JSON_FIELDS),
    { jwks_file: undefined, jwks: { service: 's', path: '/keys' } },
  )
  for (let i = 0; i < 3; i++) {
    const { access_token: token } = (await request(port, 'GET', '/a')).json() as { access_token: string }
    assert.equal(partsOf(token).signature, hmac(partsOf(token).signed))
  }
  assert.equal(origin.requests.filter(({ target }) => target === '/keys').length, 1)
})

const kinds: [string, () => KeyObject, object][] = [
  [
    'RS256',
    () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    { padding: constants.RSA_PKCS1_PADDING },
  ],
  [
    'PS384',
    () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 },
  ],
  ['ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, { dsaEncoding: 'ieee-p1363' }],
  ['EdDSA', () => generateKeyPairSync('ed25519').privateKey, {}],
]

for (const [algorithm, make, how] of kinds) {
  test(`a token signed with ${algorithm} is one that its public key confirms`, () => {
    const key = make()
    const jwk = key.export({ format: 'jwk' })
    const sign = createSigner(jwk as Record<string, unknown>, algorithm as 'RS256', 'k')
    const { signed, signature } = partsOf(sign({ sub: '7' }))
    const hash = algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`
    const from = createPublicKey({ key: publicPart(jwk), format: 'jwk' })
    assert.ok(verify(hash, Buffer.from(signed), { key: from, ...how }, Buffer.from(signature, 'base64url')))
  })
}

function publicPart({ kty, n, e, crv, x, y }: JsonWebKey): JsonWebKey {
  return {
    ...(kty && { kty }),
    ...(n && { n }),
    ...(e && { e }),
    ...(crv && { crv }),
    ...(x && { x }),
    ...(y && { y }),
  }
}

test('a key that does not go with the algorithm is no key', () => {
  assert.throws(() => createSigner({ kty: 'RSA', kid: 'k' }, 'HS256', 'k'), /needs a key of the type oct/)
  assert.throws(() => createSigner(KEY, 'RS256', 'one'))
})

test('jwt-sign.yaml signs with the key of its file', async (t) => {
  const file = join(ROOT, 'examples/pipes/jwt-sign.yaml')
  const parsed = parseConfig(readFileSync(file, 'utf8'), file, {})
  assert.ok(parsed.ok, JSON.stringify(parsed))
  assert.deepEqual(parsed.warnings, [])
  const { config } = parsed
  const { server } = await startConfig(t, { ...config, processor: { ...config.processor, port: 0, workers: 1 } })
  const { port } = server.address() as { port: number }
  const { access_token: token } = (await request(port, 'GET', '/token')).json() as { access_token: string }
  assert.deepEqual(partsOf(token).claims, { aud: 'shop', sub: '7' })
})
