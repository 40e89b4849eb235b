// The examples of the pipes that shape traffic, each started as it is but for the addresses, and asked what it is for.
import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { parseConfig } from '../../../shared/config/parse.js'
import { formatProblem } from '../../../shared/config/problem.js'
import { startConfig } from '../../kit/gateway.js'
import { request, type Answer } from '../../kit/http.js'
import { startOrigin, type Origin } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { ROOT } from '../../structure/sources.js'

interface Started {
  /** By the name of the service. */
  readonly origins: Readonly<Record<'orders' | 'users' | 'catalog', Origin>>
  ask(method: string, target: string, fields?: Record<string, string>, body?: string): Promise<Answer>
  /** What the log has been told. */
  readonly lines: string[]
}

/** One check for each example; the sample services answer who they are and what they were asked. */
const CHECKS: Record<string, (started: Started) => Promise<void>> = {
  async headers({ ask, origins }) {
    const answer = await ask('GET', '/orders', { 'X-Debug': '1', 'X-Internal-A': '1' })
    const asked = origins.orders.requests[0]
    assert.deepEqual([asked?.field('x-env'), asked?.field('x-asked')], ['sample', 'GET /orders'])
    assert.deepEqual([asked?.field('x-debug'), asked?.field('x-internal-a')], [undefined, undefined])
    assert.equal(answer.field('x-content-type-options'), 'nosniff')
  },
  async rewrite({ ask }) {
    assert.equal((await ask('GET', '/shop/17?debug=1')).text(), 'catalog /catalog/items/17?channel=web')
    assert.equal((await ask('GET', '/api/catalog/9')).text(), 'catalog /catalog/9')
  },
  async redirect({ ask }) {
    assert.equal((await ask('GET', '/old/17')).field('location'), '/orders/17')
    assert.equal((await ask('GET', '/go?x=1')).field('location'), 'https://www.example.org/go?x=1')
  },
  async canary({ ask }) {
    const canary = await ask('GET', '/orders', { 'X-Canary': 'always' })
    assert.deepEqual([canary.text(), canary.field('x-version')], ['catalog /orders', 'canary'])
    assert.equal((await ask('GET', '/orders', { 'X-Canary': 'never' })).text(), 'orders /orders')
  },
  async ab({ ask, origins }) {
    assert.equal((await ask('GET', '/orders', { Cookie: 'checkout=other' })).text(), 'catalog /orders')
    const green = await ask('GET', '/orders', { Cookie: 'checkout=green' })
    assert.equal(green.field('x-variant'), 'green')
    assert.equal(origins.orders.requests[0]?.field('x-colour'), 'green')
  },
  async mirror({ ask, origins }) {
    await waitFor(async () => {
      assert.equal((await ask('GET', '/orders')).text(), 'orders /orders')
      return origins.catalog.requests.length > 0
    })
  },
  async validate({ ask }) {
    const json = { 'Content-Type': 'application/json' }
    assert.equal((await ask('POST', '/orders', json, '{"item":"tea","count":0}')).status, 400)
    assert.equal((await ask('POST', '/orders', json, '{"item":"tea","count":1}')).status, 200)
    assert.equal((await ask('GET', '/orders')).status, 200)
  },
  async 'body-limit'({ ask }) {
    assert.equal((await ask('POST', '/orders', {}, 'x'.repeat(1025))).status, 413)
    assert.equal((await ask('POST', '/orders', { 'Content-Type': 'application/json' }, 'x'.repeat(1025))).status, 200)
  },
  async compress({ ask }) {
    const answer = await ask('GET', `/orders?${'x'.repeat(200)}`, { 'Accept-Encoding': 'gzip' })
    assert.match(gunzipSync(answer.body).toString(), /^orders/)
  },
  async fault({ ask }) {
    assert.equal((await ask('GET', '/orders', { 'X-Chaos': 'broken' })).status, 503)
    assert.equal((await ask('GET', '/orders', { 'X-Chaos': 'slow' })).status, 200)
  },
  async log({ ask, lines }) {
    await ask('GET', '/orders?token=hidden', { Authorization: 'hidden' })
    const line = await waitFor(() => lines.find((one) => one.startsWith('orders')))
    assert.match(line, /"authorization":"\*\*\*"/)
    assert.doesNotMatch(line, /hidden/)
  },
  async record({ ask }) {
    const file = join(FOLDER, 'records', 'orders.jsonl')
    await ask('POST', '/orders', {}, 'what was sent')
    assert.match(await waitFor(() => readFile(file, 'utf8')), /what was sent/)
  },
  async expression({ ask, origins }) {
    assert.equal((await ask('GET', '/orders/admin')).status, 404)
    assert.equal((await ask('GET', '/orders/admin', { 'X-Ops': 'yes' })).status, 200)
    assert.equal((await ask('GET', '/orders?plan=gold')).status, 200)
    assert.equal(origins.orders.requests[1]?.field('x-tier'), 'gold')
    assert.equal((await ask('GET', '/orders', { Cookie: 'beta=1' })).text(), 'catalog /orders')
  },
  async 'not-found'({ ask }) {
    const answer = await ask('GET', '/nowhere', { Accept: 'text/html' })
    assert.deepEqual([answer.status, answer.text().slice(0, 18)], [404, '<h1>Not Found</h1>'])
  },
  async error({ ask, origins }) {
    await origins.users.stop()
    const answer = await ask('GET', '/users', { Accept: 'text/plain' })
    assert.equal(answer.text(), 'Nobody is there. Come back soon.\n')
  },
}

/** Where relative files of the examples go in the test. */
const FOLDER = join(tmpdir(), `serverpy-examples-${process.pid}`)

for (const [name, check] of Object.entries(CHECKS)) {
  test(`the example of ${name} does what it says`, async (t) => {
    t.after(() => rm(FOLDER, { recursive: true, force: true }))
    const originOf = (service: string) =>
      startOrigin(t, async (req) => {
        await req.body()
        const text = { 'Content-Type': 'text/plain' }
        req.answer(200, `${service} ${req.target}`, text)
      })
    const origins = {
      orders: await originOf('orders'),
      users: await originOf('users'),
      catalog: await originOf('catalog'),
    }
    const port = await freePort()
    const written = await readFile(join(ROOT, 'examples', 'pipes', `${name}.yaml`), 'utf8')
    const text = written
      .replace(/servers: \['127\.0\.0\.1:91\d\d'.*\]/g, `servers: ['${origins.orders.address}']`)
      .replace(/servers: \['127\.0\.0\.1:92\d\d'.*\]/g, `servers: ['${origins.users.address}']`)
      .replace(/servers: \['127\.0\.0\.1:93\d\d'.*\]/g, `servers: ['${origins.catalog.address}']`)
    const parsed = parseConfig(text, join(FOLDER, `${name}.yaml`), {})
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
    assert.deepEqual(parsed.warnings.map(formatProblem), [])
    const lines: string[] = []
    const write = (fields: Record<string, unknown>, message: string) =>
      void lines.push(`${message} ${JSON.stringify(fields)}`)
    const log = { debug: () => undefined, info: write, warn: write, error: write, child: () => log }
    const config = { ...parsed.config, processor: { ...parsed.config.processor, port, workers: 1 } }
    const gateway = await startConfig(t, config, { log })
    const ask: Started['ask'] = (method, target, fields = {}, body) =>
      request(gateway.port, method, target, { fields, ...(body !== undefined && { body }) })
    await check({ origins, ask, lines })
  })
}
