// The commands that ask a running server: what they print, and how they exit.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { table } from '../../cli/commands/table.js'
import { freePort } from '../kit/ports.js'
import { waitFor } from '../kit/wait.js'
import { A, B, ORDERS, countOf, endpointOf, processorOf, reportOf, startApi } from '../discovery/api/server.js'
import { run } from './running.js'

/** A server that gives one answer to everything. */
async function answering(t: TestContext, status: number, type: string, body: string): Promise<string> {
  const server = createServer((_req, res) => res.writeHead(status, { 'content-type': type }).end(body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('status shows services and instances in aligned columns', async (t) => {
  const api = await startApi(t)
  api.poll(A)
  api.poll(B, { verdict: 'failed', status: 'service unreachable', response: 'connection refused', latencyMs: 25.4 })
  api.registry.setOverride(B, 'drain')
  api.registry.flush()
  const endpoints = [endpointOf({ guard: 'open', reason: 'refused' }), endpointOf({ instance: B, disputed: true })]
  api.traffic.accept(reportOf({ counts: [countOf()], endpoints }))
  const { out, err, code } = await run(['status', '--url', api.url])
  assert.deepEqual([err, code], ['', 0])
  assert.equal(
    out.replace(/\d+ s ago/g, '0 s ago'),
    [
      'SERVICE  HEALTH     UP  REQUESTS  ERRORS     P50     P99',
      'orders   degraded  1/2        10       1  6.0 ms  8.0 ms',
      '',
      'INSTANCE               HEALTH  OVERRIDE  PRIORITY  LATENCY  CHECKED  REQUESTS  TRAFFIC           ANSWER',
      'orders/127.0.0.1:9001  up      -         unset      1.5 ms  0 s ago        10  ejected by w-1    connected',
      'orders/127.0.0.1:9002  down    drain     unset       25 ms  0 s ago         0  polling disputed  connection refused',
      '',
    ].join('\n'),
  )
})

test('status in colour paints health and keeps the columns; without colour there is no escape', async (t) => {
  const api = await startApi(t)
  api.poll(A)
  const plain = (await run(['status', '--url', api.url])).out
  const { out } = await run(['status', '--url', api.url], { colours: true })
  assert.ok(out.includes('\x1b[32mup\x1b[39m'))
  assert.ok(!plain.includes('\x1b'))
  const ages = /\d+ s ago/g
  assert.equal(out.replace(/\x1b\[\d+m/g, '').replace(ages, ''), plain.replace(ages, ''))
})

test('status walks all pages and prints them as JSON', async (t) => {
  const servers = Array.from({ length: 1500 }, (_, i) => `127.0.0.1:${10_000 + i}`)
  const api = await startApi(t, { document: { services: { orders: { ...ORDERS, servers } } } })
  const { out } = await run(['status', '--json', '--url', `${api.url}/`])
  const { services, instances } = JSON.parse(out) as { services: { instances: number }[]; instances: { id: string }[] }
  assert.equal(services[0]?.instances, 1500)
  assert.deepEqual(
    instances.map(({ id }) => id),
    servers.map((server) => `orders/${server}`),
  )
})

test('status --watch goes on until it is ended, also over a server that goes away', async (t) => {
  const api = await startApi(t)
  const abort = new AbortController()
  let seen = ''
  const running = run(['status', '--watch', '--interval', '0.05', '--url', api.url], {
    signal: abort.signal,
    out: (text) => void (seen += text),
  })
  await waitFor(() => seen.split('\x1b[H\x1b[2J').length > 2)
  await api.close()
  await waitFor(() => seen.includes('nothing listens there'))
  abort.abort()
  assert.equal((await running).code, 0)
})

test('text of a server cannot steer the terminal', async (t) => {
  const api = await startApi(t)
  api.poll(A, { response: 'evil \x1b]0;title\x07 \x1b[2J\n' })
  const { out } = await run(['status', '--url', api.url])
  assert.match(out, /evil \?\]0;title\? \?\[2J\?/)
})

const UNTOUCHED = { ejections: [], disputed: false, flapping: false, in_flight: 0 }

test('explain says route, candidates and why', async (t) => {
  const api = await startApi(t)
  api.lifecycle.explain = (method, url) => ({
    method,
    host: 'a.example',
    target: url,
    outcome: { kind: 'forward', route: 'orders:/orders', service: 'orders', strategy: 'round-robin' },
    pipes: ['fair', 'auth\x1b-jwt'],
    candidates: [
      {
        ...UNTOUCHED,
        instance: A,
        url: 'u',
        priority: 'high',
        weight: 1,
        health: 'up',
        picked: true,
        reason: 'up, highest tier',
      },
      {
        ...UNTOUCHED,
        instance: B,
        url: 'u',
        priority: 'med',
        weight: 10,
        health: 'down',
        override: 'drain',
        picked: false,
        reason: 'down',
      },
    ],
    picks: [A],
  })
  const { out, code } = await run(['explain', 'GET', '/orders?a=1&a=2', '--url', api.url])
  assert.equal(code, 0)
  assert.equal(
    out,
    [
      'GET a.example/orders?a=1&a=2',
      'route     orders:/orders',
      'service   orders (round-robin)',
      'next      orders/127.0.0.1:9001',
      'pipes     fair, auth?-jwt',
      '',
      '   INSTANCE               HEALTH  OVERRIDE  PRIORITY  WEIGHT  WHY',
      '*  orders/127.0.0.1:9001  up      -         high           1  up, highest tier',
      '   orders/127.0.0.1:9002  down    drain     med           10  down',
      '',
    ].join('\n'),
  )
})

test('explain names the first of many instances that are next', async (t) => {
  const api = await startApi(t)
  const outcome = { kind: 'forward', route: 'r', service: 's', strategy: 'round-robin' } as const
  const next = async (count: number) => {
    const picks = Array.from({ length: count }, (_, i) => `i${i}`)
    api.lifecycle.explain = () => ({ method: 'GET', host: 'h', target: '/', outcome, pipes: [], candidates: [], picks })
    return /^next +(.*)$/m.exec((await run(['explain', 'GET', '/', '--url', api.url])).out)?.[1]
  }
  assert.equal(await next(0), 'no instance')
  assert.equal(await next(10), 'i0, i1, i2, i3, i4, i5, i6, i7, i8, i9')
  assert.equal(await next(2000), 'i0, i1, i2, i3, i4, i5, i6, i7, i8, i9 and 1990 more')
})

test('explain says what is answered from the config, and what is refused', async (t) => {
  const api = await startApi(t)
  const base = { method: 'GET', host: 'h', target: '/', pipes: [], candidates: [], picks: [] }
  api.lifecycle.explain = () => ({ ...base, outcome: { kind: 'fixed', route: 'r', status: 204 } })
  assert.match((await run(['explain', 'GET', '/', '--url', api.url])).out, /^answer {4}204, fixed in the config$/m)
  api.lifecycle.explain = () => ({ ...base, outcome: { kind: 'merge', route: 'r', services: ['users', 'posts'] } })
  const merged = (await run(['explain', 'GET', '/', '--url', api.url])).out
  assert.equal(merged, 'GET h/\nroute     r\nanswer    merged from users, posts\n')
  api.lifecycle.explain = () => ({
    ...base,
    outcome: { kind: 'refused', code: 'no-route', status: 404, detail: 'no path' },
  })
  const refused = await run(['explain', 'GET', '/', '--url', api.url])
  assert.match(refused.out, /^refused {3}404 no-route: no path$/m)
  assert.equal(refused.code, 0)
  api.lifecycle.explain = undefined
  const alone = await run(['explain', 'GET', '/', '--url', api.url])
  assert.equal(alone.code, 1)
  assert.match(alone.err, /answered 503: no request processor runs in this process/)
  const wrong = await run(['explain', 'GET', 'nonsense', '--url', api.url])
  assert.match(wrong.err, /answered 400: url: must be/)
})

test('healthcheck exits with 0 while ready or degraded and with 1 when not', async (t) => {
  const api = await startApi(t)
  assert.deepEqual(await run(['healthcheck', '--url', api.url]), { out: 'ready\n', err: '', code: 0 })
  api.lifecycle.processor = processorOf()
  api.lifecycle.draining = true
  const draining = await run(['healthcheck', '--url', api.url])
  assert.equal(draining.code, 1)
  assert.match(draining.err, /^not ready: draining: .*\n$/)
})

test('a server that is not there, is slow or is something else is one clear line and exit code 1', async (t) => {
  const gone = `http://127.0.0.1:${await freePort()}`
  for (const command of [['status'], ['explain', 'GET', '/'], ['healthcheck']]) {
    const { out, err, code } = await run([...command, '--url', gone])
    assert.deepEqual([out, err, code], ['', `cannot ask the discovery server at ${gone}: nothing listens there\n`, 1])
  }
  const secret = gone.replace('//', '//me:password@')
  assert.equal(
    (await run(['status', '--url', secret])).err,
    `cannot ask the discovery server at ${gone.replace('//', '//***@')}: nothing listens there\n`,
  )
  const html = await answering(t, 200, 'text/html', '<html>')
  assert.match(
    (await run(['status', '--url', html])).err,
    /^cannot ask .*: its answer is no JSON; is it a discovery server\?\n$/,
  )
  assert.equal((await run(['healthcheck', '--url', html])).code, 1)
  const other = await answering(t, 200, 'application/json', '{"hello":1}')
  assert.deepEqual(await run(['healthcheck', '--url', other]), {
    out: '',
    err: 'it answered 200 with something else than readiness\n',
    code: 1,
  })
  const strange = await run(['status', '--url', other])
  assert.equal(strange.code, 1)
  assert.match(strange.err, /^the discovery server at .* answered something else than a list\n$/)

  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    silent.closeAllConnections()
    silent.close()
  })
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const slow = await run(['healthcheck', '--url', url, '--timeout', '0.1'])
  assert.deepEqual([slow.err, slow.code], [`cannot ask the discovery server at ${url}: it did not answer in time\n`, 1])
})

test('the server is found by --url, else by the config, else by SERVERPY_URL', async (t) => {
  const api = await startApi(t)
  const path = mkdtempSync(join(tmpdir(), 'serverpy-cli-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  const file = join(path, 'services.json')
  const document = {
    orders: { ...ORDERS, polling: { method: 'ping' } },
    'meta-info': { discovery_server_port: api.port },
  }
  writeFileSync(file, JSON.stringify(document))
  const gone = `http://127.0.0.1:${await freePort()}`
  const env = { SERVERPY_URL: gone }
  assert.equal((await run(['healthcheck', '-c', file], { env })).code, 0)
  assert.equal((await run(['healthcheck', '--url', gone, '-c', file])).code, 1)
  assert.match((await run(['healthcheck'], { env })).err, new RegExp(gone))
  assert.equal((await run(['healthcheck'], { env: { SERVERPY_URL: api.url } })).code, 0)
  const broken = await run(['healthcheck'], { env: { SERVERPY_URL: 'localhost' } })
  assert.deepEqual([broken.code, broken.err], [2, 'SERVERPY_URL must begin with http:// or https://\n'])

  writeFileSync(file, '{"orders":{"servers":[],"apis":[]}}')
  const faulty = await run(['status', '-c', file])
  assert.equal(faulty.code, 2)
  assert.match(faulty.err, /services\.json:1:\d+ /)
})

test('wrong usage is said by the parser', async () => {
  assert.match((await run(['status', '--url', 'localhost:8008'])).usage ?? '', /must begin with http/)
  assert.match((await run(['status', '--timeout', '0'])).usage ?? '', /number of seconds above 0/)
  assert.match((await run(['status', '--interval', 'x'])).usage ?? '', /number of seconds above 0/)
  assert.match((await run(['explain', 'GET'])).usage ?? '', /missing required argument/)
})

test('a table is as wide as its widest cells, and an empty cell is a dash', () => {
  const text = table(
    [{ title: 'A' }, { title: 'LONG', right: true }],
    [
      [{ text: 'wide cell' }, { text: '1' }],
      [{ text: '' }, { text: '12345' }],
    ],
  )
  assert.equal(text, 'A           LONG\nwide cell      1\n-          12345\n')
})
