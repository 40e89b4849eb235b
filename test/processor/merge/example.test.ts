// The example for merging routes does what its comments say.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parse } from 'yaml'
import { parseConfig } from '../../../shared/config/parse.js'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin, type OriginRequest } from '../../kit/origin.js'
import { ROOT } from '../../structure/sources.js'

interface File {
  readonly services: Record<string, Record<string, unknown>>
  readonly routes: readonly unknown[]
}

const FILE = join(ROOT, 'examples', 'merge.yaml')

async function startExample(t: TestContext, ill: readonly string[] = []): Promise<number> {
  const { services, routes } = parse(await readFile(FILE, 'utf8')) as File
  for (const [service, config] of Object.entries(services)) {
    const { address } = await startOrigin(t, (asked) =>
      ill.includes(service) ? asked.answer(500) : say(asked, service),
    )
    config['servers'] = [address]
  }
  return (await startGateway(t, { services, routes })).port
}

async function say(asked: OriginRequest, service: string): Promise<void> {
  const body = String(await asked.body())
  asked.answer(
    200,
    JSON.stringify({ service, instance: `${service}/1`, pid: 1, method: asked.method, path: asked.target, body }),
  )
}

test('the example is a config without faults and warnings', async () => {
  const parsed = parseConfig(await readFile(FILE, 'utf8'), FILE, {})
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.warnings, [])
})

test('a profile is what users and orders say of one id', async (t) => {
  const answer = await request(await startExample(t), 'GET', '/profile/7')
  assert.equal(answer.field('cache-control'), 'public, max-age=30')
  assert.equal(answer.field('serverpy-completed'), 'true')
  assert.deepEqual(answer.json(), {
    orders: { instance: 'orders/1', path: '/orders?user=7' },
    user: { body: '', instance: 'users/1', method: 'GET', path: '/users/7', service: 'users' },
  })
})

test('a checkout asks for what the login brought', async (t) => {
  const answer = await request(await startExample(t), 'POST', '/checkout/c1?x=1', { body: 'cart' })
  assert.deepEqual(answer.json(), { body: 'cart', method: 'PUT', path: '/orders/c1/by/users%2F1', user: 'users/1' })
})

test('a checkout that got half of its way says that it can be tried again', async (t) => {
  const answer = await request(await startExample(t, ['orders']), 'POST', '/checkout/c1', { body: 'cart' })
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.deepEqual(answer.json(), { retry: true, user: 'users/1' })
})
