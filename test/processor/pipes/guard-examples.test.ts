// The examples of the pipes that guard, run as they are but for the addresses of their instances.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { parse } from 'yaml'
import { parseConfig } from '../../../shared/config/parse.js'
import { startGateway, type TestConfig } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { ROOT } from '../../structure/sources.js'

interface Asked {
  readonly target: string
  readonly method?: string
  readonly fields?: Record<string, string>
  readonly status: number
}

interface Service {
  servers: unknown
}

async function startExample(t: Cleanup, name: string) {
  const file = join(ROOT, 'examples', 'pipes', `${name}.yaml`)
  const text = readFileSync(file, 'utf8')
  const parsed = parseConfig(text, file, {})
  assert.ok(parsed.ok, JSON.stringify(parsed))
  const origin = await startOrigin(t, (req) => req.answer(200, 'in'))
  const config = parse(text) as TestConfig & { services: Record<string, Service> }
  for (const service of Object.values(config.services)) service.servers = [origin.address]
  return { origin, ...(await startGateway(t, config)) }
}

const sign = (claims: Record<string, unknown>) =>
  new SignJWT({ iss: 'https://accounts.example.org', aud: 'orders', sub: 'ann', ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode('only to try it out: nobody would keep this'))

const bearer = async (claims: Record<string, unknown>) => ({ Authorization: `Bearer ${await sign(claims)}` })
const agent = (name: string) => ({ 'User-Agent': name })

const EXAMPLES: Record<string, () => Promise<readonly Asked[]>> = {
  'auth-jwt': async () => [
    { target: '/orders', status: 401 },
    { target: '/orders', fields: await bearer({}), status: 200 },
    { target: '/orders/report', fields: await bearer({}), status: 403 },
    { target: '/orders/report', fields: await bearer({ realm: { roles: ['clerk'] } }), status: 200 },
  ],
  'auth-basic': async () => [
    { target: '/orders', status: 401 },
    { target: '/orders', fields: { Authorization: `Basic ${btoa('ann:open sesame')}` }, status: 200 },
  ],
  'auth-key': async () => [
    { target: '/catalog', status: 401 },
    { target: '/catalog', fields: { 'X-Api-Key': 'acme-try-it-out-0001' }, status: 200 },
    { target: '/catalog', fields: { 'X-Api-Key': 'initech-try-it-out-0002' }, status: 200 },
  ],
  'auth-forward': async () => [{ target: '/orders', fields: { Authorization: 'x' }, status: 200 }],
  ip: async () => [{ target: '/orders/report', status: 200 }],
  cors: async () => [
    {
      target: '/catalog',
      method: 'OPTIONS',
      fields: { Host: 'shop.localhost', Origin: 'http://localhost:3000', 'Access-Control-Request-Method': 'DELETE' },
      status: 204,
    },
    { target: '/search', fields: { Host: 'open.localhost', Origin: 'http://a.example' }, status: 200 },
  ],
  bot: async () => [
    { target: '/catalog', status: 403 },
    { target: '/catalog', fields: agent('BigSpider/2'), status: 403 },
    { target: '/catalog', fields: agent('python-requests/1.9'), status: 403 },
    { target: '/catalog', fields: agent('ShopBot-crawler/1.0'), status: 200 },
    { target: '/catalog', fields: agent('Mozilla/5.0'), status: 200 },
  ],
  filter: async () => [{ target: '/orders?page=2&debug=1', fields: { 'X-Internal': '1' }, status: 200 }],
}

for (const [name, asked] of Object.entries(EXAMPLES)) {
  test(`the example of ${name} starts and does what it says`, async (t) => {
    const { port, origin } = await startExample(t, name)
    for (const { target, method = 'GET', fields = {}, status } of await asked()) {
      const before = origin.requests.length
      const answer = await request(port, method, target, { fields })
      assert.equal(answer.status, status, `${target} ${JSON.stringify(fields)}`)
      assert.equal(origin.requests.length > before, status === 200)
    }
  })
}
