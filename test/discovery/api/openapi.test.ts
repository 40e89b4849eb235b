// The OpenAPI document: every path of it exists, and every answer of the API is as it says.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openapi } from '../../../discovery/api/openapi/document.js'
import type { Control } from '../../../discovery/api/deps.js'
import type { Store } from '../../../discovery/store/store.js'
import { createPlan } from '../../../shared/config/plan.js'
import { parseTestConfig } from '../../kit/config.js'
import { mismatches } from '../../kit/schema.js'
import { A, ORDERS, countOf, endpointOf, processorOf, recordOf, reportOf, startApi, type TestApi } from './server.js'

const document = JSON.parse(JSON.stringify(openapi('1.2.3'))) as {
  paths: Record<
    string,
    Record<string, { parameters?: { name: string; in: string; schema: object }[]; responses: Answers }>
  >
}
type Answers = Record<string, { content?: Record<string, { schema: Record<string, unknown> }> }>

/** One request of each kind of answer that a documented operation has. */
const REQUESTS: readonly (readonly [method: string, template: string, target: string, ...statuses: number[]])[] = [
  ['get', '/', '/', 200],
  ['get', '/health', '/health', 200],
  ['get', '/stats', '/stats', 200],
  ['get', '/stats', '/stats?packets=all', 200],
  ['get', '/stats', '/stats?packets=x', 400],
  ['get', '/dump', '/dump', 200],
  ['get', '/livez', '/livez', 200],
  ['get', '/readyz', '/readyz', 200],
  ['get', '/readyz', '/readyz?verbose=1', 200],
  ['get', '/metrics', '/metrics', 200],
  ['get', '/openapi.json', '/openapi.json', 200],
  ['get', '/api/v1', '/api/v1', 200],
  ['get', '/api/v1/services', '/api/v1/services', 200],
  ['get', '/api/v1/services/{name}', '/api/v1/services/orders', 200],
  ['get', '/api/v1/services/{name}', '/api/v1/services/none', 404],
  ['get', '/api/v1/instances', '/api/v1/instances?limit=1', 200],
  ['get', '/api/v1/instances', '/api/v1/instances?health=x', 400],
  ['get', '/api/v1/instances/{id}', `/api/v1/instances/${encodeURIComponent(A)}`, 200],
  ['get', '/api/v1/instances/{id}', '/api/v1/instances/none', 404],
  ['get', '/api/v1/instances/{id}/packets', `/api/v1/instances/${encodeURIComponent(A)}/packets?limit=1`, 200],
  ['get', '/api/v1/instances/{id}/packets', '/api/v1/instances/none/packets', 404],
  ['get', '/api/v1/routes', '/api/v1/routes', 200],
  ['get', '/api/v1/requests', '/api/v1/requests?limit=1', 200],
  ['get', '/api/v1/requests', '/api/v1/requests?cursor=x', 400],
  ['get', '/api/v1/events', '/api/v1/events?limit=1', 200],
  ['get', '/api/v1/rollups', '/api/v1/rollups', 200],
  ['get', '/api/v1/rollups', '/api/v1/rollups?from=x', 400],
  ['get', '/api/v1/listeners', '/api/v1/listeners', 200],
  ['get', '/api/v1/workers', '/api/v1/workers', 200],
  ['get', '/api/v1/explain', '/api/v1/explain?url=/orders', 200],
  ['get', '/api/v1/explain', '/api/v1/explain', 400],
  ['get', '/api/v1/snapshot', '/api/v1/snapshot', 200],
  ['get', '/api/v1/snapshot/changes', '/api/v1/snapshot/changes', 200],
  ['post', '/api/v1/reports', '/api/v1/reports', 204, 400],
  ['post', '/api/v1/plan', '/api/v1/plan', 200],
  ['post', '/api/v1/plan', '/api/v1/plan?bogus', 400],
  ['post', '/api/v1/reload', '/api/v1/reload?workers=true', 200],
  ['post', '/api/v1/reload', '/api/v1/reload', 422],
  ['post', '/api/v1/purge', '/api/v1/purge?all=true', 200],
  ['post', '/api/v1/purge', '/api/v1/purge', 400],
  ['post', '/api/v1/drain', `/api/v1/drain?instance=${encodeURIComponent(A)}`, 200],
  ['post', '/api/v1/drain', '/api/v1/drain?wait=x', 400],
  ['post', '/api/v1/drain', '/api/v1/drain?instance=none', 404],
  ['post', '/api/v1/undrain', `/api/v1/undrain?instance=${encodeURIComponent(A)}`, 200],
  ['post', '/api/v1/down', `/api/v1/down?instance=${encodeURIComponent(A)}`, 200],
  ['post', '/api/v1/up', `/api/v1/up?instance=${encodeURIComponent(A)}`, 200],
]

/** Its first reload goes well, the next one does not. */
function controlOf({ config, lifecycle: { configReloads } }: TestApi): Control {
  const carts = { ...ORDERS, apis: ['/carts'], retry: { attempts: 9 } }
  const plan = createPlan(config, parseTestConfig({ version: 1, processor: { workers: 99 }, services: { carts } }))
  const problems = [{ file: 'services.json', line: 3, col: 5, path: 'services.orders', message: 'is wrong' }]
  let reloaded = 0
  return {
    reloads: configReloads,
    plan: () => Promise.resolve({ ok: true, plan }),
    reload: () => Promise.resolve(reloaded++ === 0 ? { ok: true, plan } : { ok: false, problems }),
    replaceWorkers: () => Promise.resolve({ replaced: 2, draining: 0 }),
  }
}

async function start(t: TestContext, more: { store?: (store: Store) => Store; token?: string } = {}): Promise<TestApi> {
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-openapi-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const discovery = { dump_file: join(folder, 'file.dump'), ...(more.token !== undefined && { token: more.token }) }
  const routes = [
    { match: { path: '/fixed', host: 'a.example', methods: ['GET'], query: { a: 'b' } }, fixed: { status: 204 } },
    {
      match: { path: '/merged' },
      merge: [
        { service: 'orders', path: '/a', group: 'a' },
        { service: 'orders', path: '/b', group: 'b' },
      ],
      pipes: [{ use: 'rate-limit', rate: 1, name: 'fair' }],
    },
    { match: { path: '/other' }, service: 'orders', timeout: { total: 3 }, retry: { attempts: 2 } },
  ]
  const api = await startApi(t, {
    document: { discovery, services: { orders: ORDERS }, routes },
    ...(more.store !== undefined && { store: more.store }),
  })
  api.lifecycle.processor = processorOf()
  api.lifecycle.control = controlOf(api)
  api.lifecycle.explain = (method, url) => ({
    method,
    host: '127.0.0.1:8001',
    target: url,
    outcome: { kind: 'forward', route: 'orders:/orders', service: 'orders', strategy: 'round-robin' },
    pipes: ['fair'],
    candidates: [
      {
        instance: A,
        url: 'http://127.0.0.1:9001',
        priority: 'high',
        weight: 1,
        health: 'up',
        picked: true,
        reason: 'up',
        zone: 'a',
        ejections: [{ worker: 'w1', reason: 'refused', guard: 'half-open' }],
        disputed: false,
        flapping: false,
        in_flight: 2,
      },
      {
        instance: 'x',
        url: 'x',
        priority: 'low',
        weight: 2,
        health: 'down',
        override: 'drain',
        picked: false,
        reason: 'no',
        ejections: [],
        disputed: true,
        flapping: true,
        in_flight: 0,
      },
    ],
    picks: [A],
  })
  api.poll(A)
  api.poll(A, { verdict: 'failed', status: 'inactive', response: 'HTTP 500' })
  api.registry.setOverride(A, 'drain')
  const records = [recordOf(), recordOf({ service: '', instance: '', route: '', error: 'no-route', status: 404 })]
  const counts = [countOf(), countOf({ service: '', instance: '' })]
  const endpoints = [endpointOf({ guard: 'open', reason: 'failures', disputed: true, inFlight: 1 })]
  const said = { endpoints, codes: { 'no-route': 1 }, refusals: { 'bare-lf': 1 } } as const
  const piped = {
    pipes: [{ pipe: 'fair', counts: { failed: 2, refused: 3 } }],
    pipeStates: [{ pipe: 'fair', values: { depth: -1 } }],
  }
  api.traffic.acceptRemote(reportOf({ worker: 'far', records, counts, ...said, ...piped }))
  return api
}

/** Whether the answer is one of those that the document has for the operation, in type and content. */
async function check(method: string, template: string, answer: Response): Promise<void> {
  const operation = document.paths[template]?.[method]
  const where = `${method} ${template} ${answer.status}`
  const documented = operation?.responses[String(answer.status)]
  assert.ok(documented, `${where} is not documented`)
  const type = answer.headers.get('content-type')
  if (documented.content === undefined) return assert.equal(await answer.text(), '', where)
  const [named, content] = Object.entries(documented.content)[0] ?? []
  assert.equal(type?.replace(/^application\/json;.*/, 'application/json'), named, where)
  if (content === undefined || named?.startsWith('text/')) return void (await answer.text())
  const value = named === 'application/x-ndjson' ? await firstLine(answer) : await answer.json()
  assert.deepEqual(mismatches(value, content.schema, document), [], where)
}

async function firstLine(answer: Response): Promise<unknown> {
  let text = ''
  for await (const piece of answer.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(piece).toString()
    if (text.includes('\n')) break
  }
  return JSON.parse(text.slice(0, text.indexOf('\n'))) as unknown
}

test('every operation of the document answers as the document says', async (t) => {
  const api = await start(t)
  for (const [method, template, target, ...statuses] of REQUESTS) {
    for (const status of statuses) {
      const body = status === 204 ? JSON.stringify(reportOf()) : '{}'
      const init = method === 'post' ? { method, body, headers: { 'content-type': 'application/json' } } : {}
      const answer = await api.fetch(target, init)
      assert.equal(answer.status, status, target)
      await check(method, template, answer)
    }
  }
  const asked = new Set(REQUESTS.map(([method, template]) => `${method} ${template}`))
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((m) => `${m} ${path}`),
  )
  assert.deepEqual([...asked].sort(), documented.sort())
})

test('the failures are as documented: methods, tokens, bodies, a store and a processor in trouble', async (t) => {
  const broken = (store: Store): Store => {
    const fail = () => Promise.reject(new Error('disk I/O error'))
    return {
      ...store,
      dropped: 0,
      health: () => ({ ok: false, reason: 'disk I/O error', since: 0 }),
      history: { ...store.history, packets: fail, requests: fail, events: fail, rollups: fail },
    }
  }
  const api = await start(t, { store: broken, token: 'sesame' })
  const expect = async (
    status: number,
    method: string,
    template: string,
    target = template,
    init: RequestInit = {},
  ) => {
    const answer = await api.fetch(target, { method: method.toUpperCase(), ...init })
    assert.equal(answer.status, status, target)
    await check(method, template, answer)
  }
  await expect(200, 'get', '/stats')
  await expect(200, 'get', '/readyz')
  await expect(503, 'get', '/api/v1/requests')
  await expect(503, 'get', '/api/v1/events')
  await expect(503, 'get', '/api/v1/rollups')
  await expect(503, 'get', '/api/v1/instances/{id}/packets', `/api/v1/instances/${encodeURIComponent(A)}/packets`)
  await expect(401, 'post', '/api/v1/reports')
  await expect(401, 'post', '/api/v1/drain')
  const headers = { authorization: 'Bearer sesame' }
  await expect(415, 'post', '/api/v1/reports', undefined, { body: 'x', headers })
  const json = { ...headers, 'content-type': 'application/json' }
  await expect(413, 'post', '/api/v1/reports', undefined, { body: `"${'x'.repeat(5e6)}"`, headers: json })
  api.lifecycle.explain = undefined
  await expect(503, 'get', '/api/v1/explain', '/api/v1/explain?url=/')
  api.lifecycle.draining = true
  await expect(503, 'get', '/readyz')
  api.lifecycle.processor = undefined
  await expect(200, 'get', '/api/v1/workers')
  for (const template of Object.keys(document.paths)) {
    const answer = await api.fetch(template.replace(/\{\w+\}/, 'x'), { method: 'PUT' })
    assert.equal(answer.status, 405, template)
    await check(Object.keys(document.paths[template] ?? {})[0] ?? '', template, answer)
  }
})

test('the query keys of the document are those that the API takes', async (t) => {
  const api = await start(t)
  for (const [template, methods] of Object.entries(document.paths)) {
    const names = (methods.get?.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name)
    if (methods.get === undefined) continue
    const answer = await api.fetch(
      `${template.replace('{name}', 'orders').replace('{id}', encodeURIComponent(A))}?not-a-key=1`,
    )
    assert.equal(answer.status, 400, template)
    const { detail } = (await answer.json()) as { detail: string }
    const known = detail.slice(detail.indexOf('known: ') + 7).split(', ')
    assert.deepEqual(known.sort(), names.length === 0 ? ['none'] : names.sort(), template)
  }
})

test('the served document is this one, with every reference leading somewhere', async (t) => {
  const api = await start(t)
  assert.deepEqual(await api.json('/openapi.json'), document)
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
    (match) => match[1],
  )
  const named = Object.keys(openapi('1').components.schemas)
  assert.deepEqual([...new Set(references)].sort(), [...named].sort())
})

test('docs/endpoints.md has a section for every path', async () => {
  const text = await readFile(new URL('../../../docs/endpoints.md', import.meta.url), 'utf8')
  const headings = [...text.matchAll(/^#{2,4} .*$/gm)].map(([line]) => line)
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of Object.keys(methods)) {
      const named = `\`${method.toUpperCase()} ${path}\``
      assert.ok(
        headings.some((line) => line.includes(named)),
        `${named} has no heading`,
      )
    }
  }
})

test('the checker of schemas finds what does not fit', () => {
  const root = { components: { schemas: { N: { type: 'integer', minimum: 0 } } } }
  const schema = {
    type: 'object',
    properties: {
      a: { $ref: '#/components/schemas/N' },
      b: { type: ['string', 'null'], enum: ['x', null] },
      at: { format: 'date-time' },
    },
    required: ['a'],
    additionalProperties: false,
  }
  const fits = (value: unknown) => mismatches(value, schema, root).length === 0
  assert.ok(fits({ a: 1, b: null, at: '2030-01-01T00:00:00.000Z' }))
  for (const value of [
    {},
    { a: -1 },
    { a: 1.5 },
    { a: '1' },
    { a: 1, b: 'y' },
    { a: 1, c: 1 },
    { a: 1, at: '2030-01-01' },
    [],
    null,
  ]) {
    assert.ok(!fits(value), JSON.stringify(value))
  }
  assert.throws(() => mismatches(1, { multipleOf: 2 }, root), /multipleOf/)
})
