// The main job on the built product: poll, remember, route to the best healthy instance, and say what happened.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import net from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseAnswer, rawRequest, request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { freePort, isListening } from '../kit/ports.js'
import { runProcess } from '../kit/process.js'
import { fastPolling, MAIN, startServerpy, type Stats } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'

test('it polls, routes, counts and tells', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, r.target))
  const serverpy = await startServerpy(t, {
    services: { s: { servers: [origin.address], polling: { ...fastPolling, packet_limit: 5 }, apis: ['/s'] } },
  })
  assert.equal((await serverpy.ask('/health')).status, 'Discovery Server running')
  for (let i = 0; i < 7; i++) assert.equal((await request(serverpy.processorPort, 'GET', `/s/${i}`)).text(), `/s/${i}`)
  assert.equal((await request(serverpy.processorPort, 'GET', '/none')).status, 404)

  const stats = await waitFor(async () => {
    const found = await serverpy.ask<Stats>('/stats?packets=all')
    return found.service_statistics[0]?.stats_packets.length === 5 && found
  })
  const instance = stats.service_statistics[0]
  assert.ok(instance)
  for (const key of [
    'instance_url',
    'service_name',
    'check_start_time',
    'last_checked_at',
    'last_failure',
    'stats_packets',
    'packet_limit',
  ]) {
    assert.ok(key in instance, key)
  }
  assert.deepEqual([instance.instance_url, instance.service_name, instance.packet_limit], [origin.address, 's', 5])
  assert.equal(instance.last_failure, null)
  for (const packet of instance.stats_packets) {
    assert.deepEqual(Object.keys(packet).slice(0, 4).sort(), ['end_time', 'final_status', 'response', 'start_time'])
    assert.equal(packet.final_status, 'active')
  }

  // The totals are exact at once; the records follow in their batch.
  const metrics = (await request(serverpy.discoveryPort, 'GET', '/metrics')).text()
  assert.match(metrics, /proxy_request_total\{status="success"\} 8\n/)
  assert.match(metrics, /proxy_request_total\{status="error"\} 0\n/)
  await waitFor(async () => {
    const page = await serverpy.ask<{ items: { path: string; status: number }[] }>('/api/v1/requests?limit=100')
    return page.items.length === 8 && page.items.filter(({ status }) => status === 200).length === 7
  })

  // A dump is what /stats says, polls that ran meanwhile aside.
  assert.deepEqual(await serverpy.ask('/dump'), { status: 'Success' })
  const dump = JSON.parse(await readFile(join(serverpy.folder, 'file.dump'), 'utf8')) as Stats
  assert.equal(dump.service_statistics[0]?.id, instance.id)
  assert.ok((dump.service_statistics[0]?.stats_packets.length ?? 9) <= 5)
  assert.deepEqual(
    (await readdir(serverpy.folder)).filter((name) => name.includes('dump')),
    ['file.dump'],
  )
})

test(
  'refusals and switched connections are seen wherever is counted, and told in the log',
  { timeout: 60_000 },
  async (t) => {
    const agreed = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'
    const origin = await startOrigin(t, (r) => (r.target === '/health' ? r.answer(200) : r.send(agreed)))
    const serverpy = await startServerpy(t, {
      services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'], upgrade: ['websocket'] } },
    })
    for (let i = 0; i < 5; i++) {
      const raw = await rawRequest(serverpy.processorPort, 'GET /s?SECRET HTTP/1.1\nHost: h\r\n\r\n', {
        untilClose: true,
      })
      assert.equal(parseAnswer(raw).status, 400)
    }
    const { requests } = await serverpy.ask<{ requests: { this_life: Record<string, unknown> } }>('/stats')
    assert.deepEqual(requests.this_life['refused_by_reason'], { 'bare-lf': 5 })
    const metrics = (await request(serverpy.discoveryPort, 'GET', '/metrics')).text()
    assert.match(metrics, /serverpy_refusals_total\{reason="bare-lf"\} 5\n/)
    const line = await waitFor(() => serverpy.output().match(/^.*a request was refused.*$/m)?.[0])
    assert.match(line, /"reason":"bare-lf","client":"127\.0\.0\.1","suppressed":\d/)
    assert.doesNotMatch(serverpy.output(), /SECRET/)

    const upgraded = async () => {
      const { items } = await serverpy.ask<{ items: { upgraded: number }[] }>('/api/v1/workers')
      return items.reduce((sum, worker) => sum + worker.upgraded, 0)
    }
    assert.equal(await upgraded(), 0)
    const client = net.connect(serverpy.processorPort, '127.0.0.1')
    t.after(() => client.destroy())
    client.write('GET /s HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
    await new Promise((resolve) => client.once('data', resolve))
    await waitFor(async () => (await upgraded()) === 1, { what: 'a worker that says that a connection has switched' })
    client.destroy()
    await waitFor(async () => (await upgraded()) === 0, { what: 'its end' })
  },
)

test(
  'the high tier goes down, the next request goes to the medium tier, and back after recovery',
  { timeout: 60_000 },
  async (t) => {
    let healthy = true
    const high = await startOrigin(t, (r) => r.answer(r.target === '/health' && !healthy ? 500 : 200, 'high'))
    const med = await startOrigin(t, (r) => r.answer(200, 'med'))
    const serverpy = await startServerpy(t, {
      services: {
        s: {
          servers: [
            { url: high.address, priority: 'high' },
            { url: med.address, priority: 'med' },
          ],
          polling: fastPolling,
          apis: ['/s'],
        },
      },
    })
    const answering = async () => (await request(serverpy.processorPort, 'GET', '/s')).text()
    const health = async () =>
      (await serverpy.ask<Stats>('/stats?packets=1')).service_statistics.map((instance) => instance.health)
    await waitFor(async () => (await health()).every((state) => state === 'up'))
    assert.equal(await answering(), 'high')
    healthy = false
    await waitFor(async () => (await health())[0] === 'down')
    await waitFor(async () => (await answering()) === 'med', { timeoutMs: 2000 })
    healthy = true
    await waitFor(async () => (await health())[0] === 'up')
    await waitFor(async () => (await answering()) === 'high', { timeoutMs: 2000 })
    const explained = await serverpy.ask<{ picks: string[] }>('/api/v1/explain?method=GET&url=/s')
    assert.deepEqual(explained.picks, [`s/${high.address}`])
  },
)

test('a killed instance costs no GET, and /stats shows it within its frequency', { timeout: 60_000 }, async (t) => {
  const origins = [await startOrigin(t, (r) => r.answer(200, 'a')), await startOrigin(t, (r) => r.answer(200, 'b'))]
  const serverpy = await startServerpy(t, {
    services: {
      s: { servers: origins.map(({ address }) => address), polling: { ...fastPolling, frequency: 1 }, apis: ['/s'] },
    },
  })
  const statuses = new Set<number>()
  for (let i = 0; i < 300; i++) {
    if (i === 50) void origins[0]?.stop()
    statuses.add((await request(serverpy.processorPort, 'GET', '/s')).status)
  }
  assert.deepEqual([...statuses], [200])
  await waitFor(async () => (await serverpy.ask<Stats>('/stats')).service_statistics[0]?.health === 'down', {
    timeoutMs: 3000,
  })
})

test(
  'without a ping program the instance is unknown, with the reason, and the others are unharmed',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
    const serverpy = await startServerpy(t, {
      env: { PATH: '/nonexistent' },
      services: {
        s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] },
        p: { servers: ['127.0.0.1'], polling: { method: 'ping', frequency: '200ms' }, apis: ['/p'] },
      },
    })
    const [s, p] = await waitFor(async () => {
      const { service_statistics } = await serverpy.ask<Stats>('/stats')
      return service_statistics.every(({ stats_packets }) => stats_packets.length > 1) && service_statistics
    })
    assert.equal(s?.health, 'up')
    assert.equal(p?.health, 'unknown')
    assert.equal(p?.stats_packets[0]?.final_status, 'unknown')
    assert.match(p?.stats_packets[0]?.response ?? '', /ping/)
  },
)

test('the two halves run as two processes, and the processor outlives discovery', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const services = { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } }
  const discovery = await startServerpy(t, { services, command: ['discovery'] })
  const processor = await startServerpy(t, {
    services,
    beside: discovery,
    command: ['processor', '--registry', `http://127.0.0.1:${discovery.discoveryPort}`],
  })
  assert.equal((await request(processor.processorPort, 'GET', '/s')).status, 200)
  await waitFor(async () => (await discovery.ask<Stats>('/stats')).requests['total'] === 1, { timeoutMs: 10_000 })
  await discovery.stop()
  assert.equal((await request(processor.processorPort, 'GET', '/s')).status, 200)
})

test('a config with faults names each by line and column, exits 2 and opens no port', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const lines = [
    '{',
    '  "orders": {',
    '    "servers": ["-bad", "127.0.0.1:99999"],',
    '    "polling": { "method": "health", "endpoint": "/health", "frequncy": 5, "packet_limit": "80" },',
    '    "apis": ["/orders"],',
    '    "retry": { "attempts": -1 }',
    '  },',
    `  "meta-info": { "discovery_server_port": ${port} }`,
    '}',
  ]
  const file = join(folder, 'faulty.json')
  await writeFile(file, lines.join('\n'))
  const { code, stderr } = await runProcess(process.execPath, [MAIN, '-c', file])
  assert.equal(code, 2)
  const problems = stderr.trim().split('\n')
  assert.equal(problems.length, 5, stderr)
  const at = problems.map((line) => line.slice(file.length + 1).split(' ', 1)[0])
  assert.deepEqual(at, ['3:17', '3:25', '4:61', '4:92', '6:28'])
  assert.match(problems[2] ?? '', /did you mean "frequency"/)
  assert.equal(await isListening(port), false)
})

test('a port in use is one line that names its key, and nothing is touched', { timeout: 60_000 }, async (t) => {
  const taken = (await startOrigin(t, () => undefined)).port
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const s = { servers: ['127.0.0.1:9'], polling: fastPolling, apis: ['/s'] }
  const free = await freePort()
  const classic = { discovery: 'discovery_server_port', processor: 'request_processor_port' }
  for (const half of ['discovery', 'processor'] as const) {
    const other = half === 'discovery' ? 'processor' : 'discovery'
    for (const [named, config] of [
      [`${half}.port`, { version: 1, [half]: { port: taken }, [other]: { port: free }, services: { s } }],
      [`meta-info.${classic[half]}`, { s, 'meta-info': { [classic[half]]: taken, [classic[other]]: free } }],
    ] as const) {
      await writeFile(join(folder, 'services.json'), JSON.stringify(config))
      const { code, stderr } = await runProcess(process.execPath, [MAIN, '-c', 'services.json'], { cwd: folder })
      const what = half === 'discovery' ? 'discovery server' : 'request processor'
      const advice = `set ${named} to a free one, or stop what listens there`
      assert.deepEqual([code, stderr], [1, `serverpy: port ${taken} is in use (${what}): ${advice}\n`])
      assert.deepEqual(await readdir(folder), ['services.json'])
    }
  }
})

test('wrong usage exits with 2 and says on stderr what is wrong', { timeout: 30_000 }, async () => {
  for (const [args, wrong] of [
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['chekc'], '(Did you mean check?)'],
    [['run', '--bogus'], "unknown option '--bogus'"],
    [['status', 'this'], "unexpected argument 'this'"],
    [[], '(serverpy --help tells what there is)'],
  ] as const) {
    const { code, stdout, stderr } = await runProcess(process.execPath, [MAIN, ...args])
    assert.deepEqual([code, stdout], [2, ''])
    assert.ok(stderr.includes(wrong), stderr)
  }
})

test('over a slow link, what is known to be down gets no request from the start', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(r.target === '/health' ? 500 : 200))
  const balance = { panic: 'refuse' }
  const services = { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'], balance } }
  const discovery = await startServerpy(t, { services, command: ['discovery'] })
  await waitFor(async () => (await discovery.ask<Stats>('/stats')).service_statistics[0]?.health === 'down')
  const link = await slowLink(t, discovery.discoveryPort, 600)
  const registry = `http://127.0.0.1:${link}`
  const processor = await startServerpy(t, {
    services,
    beside: discovery,
    processor: { workers: 1 },
    command: ['processor', '--registry', registry],
  })
  assert.equal((await request(processor.processorPort, 'GET', '/s')).status, 503)
  assert.deepEqual(
    origin.requests.filter(({ target }) => target === '/s'),
    [],
  )
})

/** A port that passes on what it gets to `port`, and the answer `delayMs` late. */
async function slowLink(t: TestContext, port: number, delayMs: number): Promise<number> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    for (const [one, other] of [[near, far] as const, [far, near] as const]) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
    near.pipe(far)
    far.on('data', (chunk) => setTimeout(() => near.writable && near.write(chunk), delayMs))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as net.AddressInfo).port
}

test('a request that loops ends in 508', { timeout: 30_000 }, async (t) => {
  const port = await freePort()
  const serverpy = await startServerpy(t, {
    processor: { port },
    services: { s: { servers: [`127.0.0.1:${port}`], polling: fastPolling, apis: ['/s'] } },
  })
  for (let i = 0; i < 5; i++) {
    const raw = await rawRequest(port, `GET /s HTTP/1.1\r\nHost: h\r\n\r\n`)
    assert.equal(parseAnswer(raw).status, 508)
  }
  assert.ok(serverpy.pid)
})

test(
  'traffic that fails at an instance has it polled at once, whatever its frequency',
  { timeout: 60_000 },
  async (t) => {
    const origins = [await startOrigin(t, (r) => r.answer(200, 'a')), await startOrigin(t, (r) => r.answer(200, 'b'))]
    const serverpy = await startServerpy(t, {
      services: {
        s: {
          servers: origins.map(({ address }) => address),
          polling: { ...fastPolling, frequency: '1h' },
          apis: ['/s'],
        },
      },
    })
    const health = async () =>
      (await serverpy.ask<Stats>('/stats?packets=0')).service_statistics.map((instance) => instance.health)
    await waitFor(async () => (await health()).every((state) => state === 'up'))
    await origins[0]?.stop()
    for (let i = 0; i < 4; i++) assert.equal((await request(serverpy.processorPort, 'GET', '/s')).status, 200)
    await waitFor(async () => (await health())[0] === 'down')
    assert.equal((await health())[1], 'up')
  },
)
