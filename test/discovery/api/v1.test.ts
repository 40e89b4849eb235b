// /api/v1: filters, pages, strict queries, and what is never shown.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { A, B, ORDERS, countOf, endpointOf, processorOf, recordOf, reportOf, startApi, type TestApi } from './server.js'

interface List {
  items: Record<string, unknown>[]
  cursor?: string
}

async function allPages(api: TestApi, path: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = []
  let cursor: string | undefined
  do {
    const page: List = await api.json(cursor === undefined ? path : `${path}&cursor=${encodeURIComponent(cursor)}`)
    found.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

async function problem(api: TestApi, path: string, init?: RequestInit) {
  const answer = await api.fetch(path, init)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  const body = (await answer.json()) as { status: number; detail: string; field?: string }
  assert.equal(body.status, answer.status)
  return body
}

test('instances are filtered by service and health and come page by page', async (t) => {
  const servers = Array.from({ length: 25 }, (_, i) => `127.0.0.1:${9001 + i}`)
  const other = { ...ORDERS, servers: ['127.0.0.1:8999'], apis: ['/other'] }
  const api = await startApi(t, { document: { services: { orders: { ...ORDERS, servers }, other } } })
  const ids = servers.map((server) => `orders/${server}`)
  api.poll(ids[3] ?? '')
  api.poll(ids[4] ?? '')
  const idsOf = async (path: string) => (await allPages(api, path)).map(({ id }) => id)
  assert.deepEqual(await idsOf('/api/v1/instances?limit=10'), [...ids, 'other/127.0.0.1:8999'])
  assert.deepEqual(await idsOf('/api/v1/instances?service=orders&limit=5'), ids)
  assert.deepEqual(await idsOf('/api/v1/instances?service=orders&limit=25'), ids)
  assert.deepEqual(await idsOf('/api/v1/instances?health=up&limit=1'), [ids[3], ids[4]])
  assert.deepEqual(await idsOf('/api/v1/instances?service=none&limit=1'), [])
})

test('an instance is found by its id with encoded slashes and with plain ones, and so are its packets', async (t) => {
  const servers = ['127.0.0.1:9001/base', '127.0.0.1:9001/base/packets']
  const api = await startApi(t, { document: { services: { orders: { ...ORDERS, servers } } } })
  const [short, long] = servers.map((server) => `orders/${server}`) as [string, string]
  api.poll(short)
  for (const id of [encodeURIComponent(short), short, encodeURIComponent(long), long]) {
    const { id: found } = await api.json(`/api/v1/instances/${id}`)
    assert.equal(found, decodeURIComponent(id))
  }
  const packets = async (id: string) => (await api.json<List>(`/api/v1/instances/${id}/packets`)).items.length
  assert.equal(await packets(encodeURIComponent(short)), 1)
  assert.equal(await packets(encodeURIComponent(long)), 0)
  assert.equal(await packets(long), 0)
  assert.equal((await problem(api, '/api/v1/instances/orders%2Fgone')).status, 404)
  assert.equal((await problem(api, '/api/v1/instances/orders%2Fgone/packets')).status, 404)
  assert.equal((await problem(api, '/api/v1/instances/orders%zz')).status, 400)
})

test('packets come newest first, page by page', async (t) => {
  const api = await startApi(t)
  for (let i = 0; i < 7; i++) api.poll(A, { startedAt: i * 1000 })
  const packets = await allPages(api, `/api/v1/instances/${encodeURIComponent(A)}/packets?limit=3`)
  assert.deepEqual(
    packets.map(({ start_time }) => Date.parse(start_time as string) / 1000),
    [6, 5, 4, 3, 2, 1, 0],
  )
})

test('a service tells its health, its requests and its latency', async (t) => {
  const api = await startApi(t)
  api.poll(A)
  api.traffic.accept(reportOf({ counts: [countOf()] }))
  const service = await api.json('/api/v1/services/orders')
  const { health, up, unknown, requests, errors, apis } = service
  assert.deepEqual(
    { health, up, unknown, requests, errors, apis },
    { health: 'degraded', up: 1, unknown: 1, requests: 10, errors: 1, apis: ['/orders'] },
  )
  assert.deepEqual(service.latency_ms, { mean: 6, p50: 6, p90: 7.6, p99: 7.96, max: 8 })
  assert.equal((await problem(api, '/api/v1/services/none')).status, 404)
})

test('no percentile is above the slowest request', async (t) => {
  const api = await startApi(t)
  api.traffic.accept(reportOf({ counts: [countOf({ latencyMaxMs: 7 })] }))
  const { latency_ms } = await api.json('/api/v1/services/orders')
  assert.deepEqual(latency_ms, { mean: 6, p50: 6, p90: 7, p99: 7, max: 7 })
})

test('requests are filtered by everything that a filter names', async (t) => {
  const api = await startApi(t)
  const records = [
    recordOf({ id: '1' }),
    recordOf({ id: '2', instance: B, method: 'POST', status: 503, error: 'overload' }),
    recordOf({ id: '3', service: '', instance: '', route: '', status: 404, error: 'no-route' }),
    recordOf({ id: '4', status: 0, error: 'client-gone' }),
  ]
  api.traffic.accept(reportOf({ records }))
  const ids = async (query: string) => (await allPages(api, `/api/v1/requests?limit=2&${query}`)).map(({ id }) => id)
  assert.deepEqual(await ids(''), ['4', '3', '2', '1'])
  assert.deepEqual(await ids('service=orders'), ['4', '2', '1'])
  assert.deepEqual(await ids(`instance=${encodeURIComponent(B)}`), ['2'])
  assert.deepEqual(await ids('route=orders:/orders&method=GET'), ['4', '1'])
  assert.deepEqual(await ids('status=5xx'), ['2'])
  assert.deepEqual(await ids('status=404'), ['3'])
  assert.deepEqual(await ids('status=0'), ['4'])
  const [third] = (await api.json<List>('/api/v1/requests?status=404')).items
  assert.deepEqual([third?.service, third?.instance, third?.route, third?.error], [null, null, null, 'no-route'])
})

test('roll-ups cover the time that was asked for, and no time or crowd too large to hold', async (t) => {
  const api = await startApi(t)
  api.traffic.accept(reportOf({ counts: [countOf()] }))
  const [minute] = (await api.json<List>('/api/v1/rollups')).items
  assert.equal(minute?.requests, 10)
  assert.equal(minute?.instance, A)
  assert.equal((await api.json<List>('/api/v1/rollups?span=hour')).items.length, 1)
  assert.equal(
    (await api.json<List>('/api/v1/rollups?from=2001-01-01T00:00:00Z&to=2001-01-01T02:00:00%2B01:00')).items.length,
    0,
  )
  assert.equal((await api.json<List>('/api/v1/rollups?from=2001-01-01&to=2001-01-01T02:00:00+01:00')).items.length, 0)
  const refused = async (query: string) => (await problem(api, `/api/v1/rollups?${query}`)).field
  assert.equal(await refused('from=yesterday'), 'from')
  assert.equal(await refused('to=2001-01-01T00:00:00'), 'to')
  assert.equal(await refused('from=5&to=5'), 'from')
  assert.equal(await refused('span=minute&from=0'), 'from')
  assert.equal(await refused('span=day'), 'span')

  const servers = Array.from({ length: 200 }, (_, i) => `127.0.0.1:${9001 + i}`)
  const crowd = await startApi(t, { document: { services: { orders: { ...ORDERS, servers } } } })
  const day = `from=${Date.now() - 86_400_000}`
  assert.equal((await problem(crowd, `/api/v1/rollups?${day}`)).field, 'from')
  await crowd.json(`/api/v1/rollups?${day}&instance=${encodeURIComponent(A)}`)
})

test('events tell what changed, newest first', async (t) => {
  const api = await startApi(t)
  api.poll(A)
  api.poll(A, { verdict: 'failed', status: 'inactive', response: 'HTTP 500' })
  const { items } = await api.json<List>(`/api/v1/events?instance=${encodeURIComponent(A)}`)
  assert.deepEqual(
    items.map(({ kind, from, to, reason }) => [kind, from, to, reason]),
    [
      ['health', 'up', 'down', 'HTTP 500'],
      ['health', 'unknown', 'up', 'connected'],
      ['added', '', 'unknown', 'configured'],
    ],
  )
})

test('a query key that is unknown, repeated or wrong is refused by name', async (t) => {
  const api = await startApi(t)
  const refused = async (path: string) => {
    const { status, field } = await problem(api, path)
    return [status, field]
  }
  assert.deepEqual(await refused('/health?x=1'), [400, 'x'])
  assert.deepEqual(await refused('/api/v1/services?servce=a'), [400, 'servce'])
  assert.deepEqual(await refused('/api/v1/instances?service=a&service=b'), [400, 'service'])
  assert.deepEqual(await refused('/api/v1/instances?health=sick'), [400, 'health'])
  assert.deepEqual(await refused('/api/v1/instances?limit=0'), [400, 'limit'])
  assert.deepEqual(await refused('/api/v1/instances?limit=1001'), [400, 'limit'])
  assert.deepEqual(await refused('/api/v1/instances?cursor=bm9uZQ'), [400, 'cursor'])
  assert.deepEqual(await refused('/api/v1/requests?cursor=bm9uZQ'), [400, 'cursor'])
  assert.deepEqual(await refused('/api/v1/requests?status=6xx'), [400, 'status'])
  assert.deepEqual(await refused(`/api/v1/requests?path=${'x'.repeat(3000)}`), [400, 'path'])
  assert.deepEqual(await refused('/readyz?verbose=maybe'), [400, 'verbose'])
  assert.deepEqual(await refused('/api/v1/snapshot/changes?term=-1'), [400, 'term'])
})

test('another method is a 405 that says which are allowed, and OPTIONS says it too', async (t) => {
  const api = await startApi(t)
  const answer = await api.fetch('/stats', { method: 'DELETE' })
  assert.equal(answer.status, 405)
  assert.equal(answer.headers.get('allow'), 'GET, HEAD, OPTIONS')
  assert.equal((await api.fetch('/api/v1/reports')).headers.get('allow'), 'POST, OPTIONS')
  const options = await api.fetch('/stats', { method: 'OPTIONS' })
  assert.deepEqual([options.status, options.headers.get('allow')], [204, 'GET, HEAD, OPTIONS'])
  assert.equal(options.headers.get('access-control-allow-origin'), null)
})

test('every answer tells browsers to keep it to itself, and none tells what serves it', async (t) => {
  const api = await startApi(t)
  for (const path of ['/', '/stats', '/nothing', '/api/v1/services?x']) {
    const { headers } = await api.fetch(path, { headers: { origin: 'http://evil.example' } })
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'/)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('access-control-allow-origin'), null)
    assert.equal(headers.get('x-powered-by'), null)
    assert.equal(headers.get('etag'), null)
  }
})

test('no answer holds the token, the value of a matched header or of a polling header', async (t) => {
  const secrets = ['tok-9f3a', 'match-5c1e', 'poll-77aa', 'body-1b2d']
  const api = await startApi(t, {
    document: {
      discovery: { token: secrets[0] },
      services: {
        orders: { ...ORDERS, polling: { method: 'health', endpoint: '/h', headers: { 'X-Key': secrets[2] } } },
      },
      routes: [
        { match: { path: '/secret', headers: { 'x-key': secrets[1] } }, service: 'orders' },
        { match: { path: '/fixed' }, fixed: { status: 200, body: secrets[3] } },
      ],
    },
  })
  const paths = [
    '/',
    '/health',
    '/stats',
    '/readyz?verbose',
    '/metrics',
    '/openapi.json',
    '/api/v1',
    '/api/v1/services',
  ]
  const lists = ['instances', 'routes', 'listeners', 'workers', 'snapshot', 'events', 'requests', 'rollups'].map(
    (name) => `/api/v1/${name}`,
  )
  for (const path of [...paths, ...lists]) {
    const text = await (await api.fetch(path)).text()
    for (const secret of secrets) assert.ok(!text.includes(secret), `${path} holds ${secret}`)
  }
  assert.match(await (await api.fetch('/api/v1/routes')).text(), /"headers":\["x-key"\]/)
})

test('workers of this process and from elsewhere are shown with what they do at the moment', async (t) => {
  const api = await startApi(t)
  api.lifecycle.processor = processorOf()
  api.traffic.accept(reportOf())
  api.traffic.acceptRemote(reportOf({ worker: 'far' }))
  const { items, remote } = await api.json<Record<'items' | 'remote', Record<string, unknown>[]>>('/api/v1/workers')
  for (const [shown, name] of [
    [items, 'w-1'],
    [remote, 'far'],
  ] as const) {
    assert.deepEqual(
      shown.map((worker) => [worker['name'], worker['connections'], worker['in_flight'], worker['upgraded']]),
      [[name, 3, 2, 1]],
    )
  }
})

test('what traffic says of an instance stands beside what polls say, there and in its service', async (t) => {
  const api = await startApi(t)
  api.poll(A)
  api.poll(B, { verdict: 'failed', status: 'inactive', response: 'HTTP 500' })
  const ejected = endpointOf({ inFlight: 1, connections: 2, guard: 'open', reason: 'failures' })
  const disputed = endpointOf({ instance: B, inFlight: 3, connections: 3, disputed: true })
  api.traffic.accept(reportOf({ endpoints: [ejected, disputed] }))
  api.registry.setOverride(B, 'drain')
  interface Stats {
    service_statistics: Record<string, unknown>[]
    services: Record<string, unknown>[]
  }
  const { service_statistics: both, services } = await api.json<Stats>('/stats')
  const [a, b] = both.map((one) => [one.health, one.ejected_by, one.polling_disputed, one.in_flight, one.connections])
  assert.deepEqual(a, ['up', [{ worker: 'w-1', reason: 'failures', guard: 'open' }], false, 1, 2])
  assert.deepEqual(b, ['down', [], true, 3, 3])
  const [service] = services
  assert.deepEqual([service?.ejected, service?.disputed, service?.drained, service?.overridden], [1, 1, 1, 1])
  const { polling_disputed: again } = await api.json(`/api/v1/instances/${encodeURIComponent(B)}`)
  assert.equal(again, true)
  api.poll(B)
  const { items } = await api.json<List>(`/api/v1/events?instance=${encodeURIComponent(B)}`)
  assert.deepEqual(
    items.filter(({ kind }) => kind === 'dispute').map(({ from, to }) => [from, to]),
    [
      ['polling disputed', 'none'],
      ['none', 'polling disputed'],
    ],
  )
})

test('explain passes the question on, and refuses what is no method or URL', async (t) => {
  const api = await startApi(t)
  assert.equal((await problem(api, '/api/v1/explain?url=/x')).status, 503)
  api.lifecycle.explain = (method, url) => ({
    method,
    host: 'x',
    target: url,
    outcome: { kind: 'refused', code: 'no-route', status: 404, detail: 'none' },
    pipes: [],
    candidates: [],
    picks: [],
  })
  const answer = await api.json(`/api/v1/explain?method=PATCH&url=${encodeURIComponent('/a?b=1&b=2')}`)
  assert.deepEqual([answer.method, answer.target], ['PATCH', '/a?b=1&b=2'])
  assert.equal((await problem(api, '/api/v1/explain')).field, 'url')
  assert.equal((await problem(api, '/api/v1/explain?url=ftp://x/')).field, 'url')
  assert.equal((await problem(api, '/api/v1/explain?method=A%20B&url=/')).field, 'method')
})

test('a failure inside is a 500 that keeps its reason to the log', async (t) => {
  const logged: unknown[] = []
  const nothing = () => undefined
  const log = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (fields: object) => logged.push(fields),
    child: () => log,
  }
  const api = await startApi(t, { log })
  api.registry.statuses = () => {
    throw new Error('password=hunter2')
  }
  const { status, detail } = await problem(api, '/api/v1/services?')
  assert.equal(status, 500)
  assert.ok(!detail.includes('hunter2'))
  assert.match(JSON.stringify(logged), /hunter2/)
})
