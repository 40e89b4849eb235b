// The pipe `rate-limit` over real sockets: who is refused, with what, and what an instance sees of it.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { SignJWT } from 'jose'
import { networkOf } from '../../../processor/pipes/count-key.js'
import { createMachineState } from '../../../processor/pipes/worker-state.js'
import type { Clock } from '../../../shared/clock.js'
import { parseConfig } from '../../../shared/config/parse.js'
import { silentLog } from '../../../shared/log.js'
import { fakeClock } from '../../kit/clock.js'
import { startGateway, testConfig } from '../../kit/gateway.js'
import { request, type Answer } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { startSupervised } from '../supervised.js'

type Options = Record<string, unknown>

/** A gateway whose client is whoever X-Forwarded-For says, before an instance that counts its requests. */
async function limited(t: TestContext, options: Options, path = '/s', more: readonly Options[] = [], clock?: Clock) {
  const origin = await startOrigin(t, (request) => request.answer(200, 'ok'))
  const alone = { workers: () => 1, send: () => undefined, log: silentLog }
  const config = {
    processor: { trusted_proxies: ['127.0.0.1'] },
    services: { s: { servers: [`http://${origin.address}`] } },
    routes: [{ match: { path }, service: 's', pipes: [...more, { use: 'rate-limit', ...options }] }],
  }
  const own = clock === undefined ? {} : { machine: createMachineState({ ...alone, clock }).state }
  const gateway = await startGateway(t, config, undefined, own)
  const ask = (client: string, fields: Record<string, string> = {}, target = '/s') =>
    request(gateway.port, 'GET', target, { fields: { 'X-Forwarded-For': client, ...fields } })
  const several = async (times: number, client: string, fields: Record<string, string> = {}, target = '/s') => {
    const answers: Answer[] = []
    for (let i = 0; i < times; i++) answers.push(await ask(client, fields, target))
    return answers
  }
  return { gateway, origin, ask, several }
}

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status)
const times = (count: number, status: number) => new Array<number>(count).fill(status)

test('eleven requests at once at ten a second bring one 429 with Retry-After, and another client sees nothing of it', async (t) => {
  // Time stands still: however slow this machine is, they come at once.
  const clock = fakeClock()
  const { ask, origin, gateway } = await limited(t, { rate: 10 }, '/s', [], clock)
  const answers = await Promise.all(Array.from({ length: 11 }, () => ask('203.0.113.7')))
  assert.deepEqual(statuses(answers).sort(), [...times(10, 200), 429])
  const refused = answers.find(({ status }) => status === 429)
  assert.equal(refused?.field('Retry-After'), '1')
  assert.equal(refused?.field('Content-Type'), 'application/problem+json')
  const problem = refused?.json() as Record<string, unknown>
  assert.equal(problem['type'], 'urn:serverpy:error:rate-limited')
  assert.equal((await ask('203.0.113.8')).status, 200)
  assert.equal(origin.requests.length, 11)
  await clock.advance(100)
  assert.deepEqual(statuses([await ask('203.0.113.7'), await ask('203.0.113.7')]), [200, 429])
  const { codes, counts } = gateway.report()
  assert.equal(codes['rate-limited'], 2)
  assert.equal(
    counts.reduce((sum, count) => sum + count.requests, 0),
    14,
  )
})

test('a slow limit lets its burst pass and then refuses with the time until the next', async (t) => {
  const { several } = await limited(t, { rate: 1, period: '1m', burst: 3 })
  const answers = await several(5, '203.0.113.7')
  assert.deepEqual(statuses(answers), [200, 200, 200, 429, 429])
  assert.equal(answers[3]?.field('Retry-After'), '60')
})

test('clients are counted by a header, whose name has no case', async (t) => {
  const { several } = await limited(t, { rate: 2, period: '1m', by: 'header:X-Api-Key' })
  assert.deepEqual(statuses(await several(3, '203.0.113.7', { 'x-api-key': 'a' })), [200, 200, 429])
  assert.deepEqual(statuses(await several(1, '203.0.113.7', { 'X-API-KEY': 'b' })), [200])
  assert.deepEqual(statuses(await several(1, '203.0.113.9', { 'X-Api-Key': 'a' })), [429])
})

test('requests without what they are counted by share one count, pass, or are refused', async (t) => {
  const of = async (withoutKey: string | undefined) => {
    const given = withoutKey === undefined ? {} : { without_key: withoutKey }
    const { several, origin } = await limited(t, { rate: 2, period: '1m', by: 'header:x-key', ...given })
    return [statuses(await several(3, '203.0.113.7')), origin.requests.length] as const
  }
  assert.deepEqual(await of(undefined), [[200, 200, 429], 2])
  assert.deepEqual(await of('pass'), [[200, 200, 200], 3])
  assert.deepEqual(await of('refuse'), [[400, 400, 400], 0])
})

test('several keys count together, and none of them can be made up from the others', async (t) => {
  const { several } = await limited(t, { rate: 1, period: '1m', by: ['header:a', 'header:b'], without_key: 'refuse' })
  assert.deepEqual(statuses(await several(2, 'x', { a: '1', b: '23' })), [200, 429])
  assert.deepEqual(statuses(await several(1, 'x', { a: '12', b: '3' })), [200])
  assert.deepEqual(statuses(await several(1, 'x', { a: '1:2', b: '3' })), [200])
})

test('a parameter of the path can be what is counted', async (t) => {
  const { several } = await limited(t, { rate: 1, period: '1m', by: 'param:tenant' }, '/s/{tenant}')
  assert.deepEqual(statuses(await several(2, 'x', {}, '/s/blue')), [200, 429])
  assert.deepEqual(statuses(await several(2, 'x', {}, '/s/green')), [200, 429])
})

test('by route all clients share one count', async (t) => {
  const { several } = await limited(t, { rate: 2, period: '1m', by: 'route' })
  assert.deepEqual(statuses(await several(1, '203.0.113.7')), [200])
  assert.deepEqual(statuses(await several(2, '203.0.113.8')), [200, 429])
})

test('clients of one IPv6 network are one client', async (t) => {
  const { several } = await limited(t, { rate: 2, period: '1m' })
  assert.deepEqual(statuses(await several(1, '2001:db8:1:2::1')), [200])
  assert.deepEqual(statuses(await several(2, '2001:0DB8:1:2:ffff::9')), [200, 429])
  assert.deepEqual(statuses(await several(1, '2001:db8:1:3::1')), [200])
})

test('an address is what it is in every way of writing it', () => {
  const same = ['2001:db8::1', '2001:0db8:0:0::7', '2001:DB8:0:0:1:2:3:4', '2001:db8::1:2:3:4', '2001:db8::1.2.3.4']
  assert.deepEqual([...new Set(same.map(networkOf))], ['2001:db8:0:0::/64'])
  assert.equal(networkOf('::1'), '0:0:0:0::/64')
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('unknown:stuff'), 'unknown:stuff')
  assert.equal(networkOf(''), undefined)
})

test('with headers, each answer says what is left, and of two limits the nearer one speaks', async (t) => {
  const outer = { use: 'rate-limit', rate: 100, period: '1m', by: 'route', headers: true }
  const { several } = await limited(t, { rate: 2, period: '1m', headers: true }, '/s', [outer])
  const answers = await several(3, '203.0.113.7')
  const told = answers.map((answer) =>
    ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Retry-After'].map((name) => answer.field(name)),
  )
  assert.deepEqual(told, [
    ['2', '1', '30', undefined],
    ['2', '0', '60', undefined],
    ['2', '0', '60', '30'],
  ])
  for (const { fields } of answers)
    assert.equal(fields.filter(([name]) => name.toLowerCase() === 'ratelimit-limit').length, 1)
})

test('without headers nothing tells of the limit but a refusal', async (t) => {
  const { several } = await limited(t, { rate: 1, period: '1m', status: 503 })
  const [first, second] = await several(2, '203.0.113.7')
  assert.deepEqual([first?.status, second?.status], [200, 503])
  assert.ok(!first?.fields.some(([name]) => /ratelimit|retry-after/i.test(name)))
  assert.equal(second?.field('Retry-After'), '60')
})

test('a claim of the token can be what is counted', async () => {
  const { keyReader } = await import('../../../processor/pipes/count-key.js')
  const { CLAIMS } = await import('../../../processor/pipes/claims.js')
  const key = (claims: unknown, path: string[]) => {
    const x = { state: new Map<string, unknown>([[CLAIMS, claims]]) }
    return keyReader([{ on: 'claim', path }])(x as unknown as Parameters<ReturnType<typeof keyReader>>[0])
  }
  assert.equal(key({ sub: 'ada' }, ['sub']), 'ada')
  assert.equal(key({ realm: { tenant: 7 } }, ['realm', 'tenant']), '7')
  assert.equal(key({ sub: ['ada'] }, ['sub']), undefined)
  assert.equal(key({}, ['constructor', 'name']), undefined)
  assert.equal(key(undefined, ['sub']), undefined)
})

test('clients are counted by whom their token names, and not before it is checked', async (t) => {
  const origin = await startOrigin(t, (asked) => asked.answer(200, 'ok'))
  const secret = 'a secret of thirty-two bytes or more'
  const gateway = await startGateway(t, {
    services: { s: { servers: [origin.address] } },
    routes: [
      {
        match: { path: '/s' },
        service: 's',
        pipes: [
          { use: 'auth-jwt', secret },
          { use: 'rate-limit', rate: 2, period: '1h', by: 'claim:sub' },
        ],
      },
    ],
  })
  const ask = async (sub: string, key = secret) => {
    const token = new SignJWT({ sub }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('5m')
    const fields = { Authorization: `Bearer ${await token.sign(new TextEncoder().encode(key))}` }
    return (await request(gateway.port, 'GET', '/s', { fields })).status
  }
  const forged = 'what somebody else has made up, and long'
  assert.deepEqual([await ask('ada', forged), await ask('ada', forged), await ask('ada', forged)], [401, 401, 401])
  assert.deepEqual([await ask('ada'), await ask('ada'), await ask('ada'), await ask('ben')], [200, 200, 429, 200])
})

test('a reload that keeps the rule keeps what it has counted', async (t) => {
  const { gateway, several } = await limited(t, { rate: 1, period: '1h' })
  assert.deepEqual(statuses(await several(2, '203.0.113.7')), [200, 429])
  const { config } = gateway
  const other = {
    ...config,
    processor: { ...config.processor, limits: { ...config.processor.limits, uriBytes: 4096 } },
  }
  await gateway.prepare(other)
  const { snapshot } = gateway.core.table
  assert.ok(gateway.reconfigure(other, { kind: 'whole', snapshot: { ...snapshot, seq: snapshot.seq + 1 } }))
  assert.deepEqual(statuses(await several(1, '203.0.113.7')), [429])
})

test('a refusal ends a request with a body without asking an instance', async (t) => {
  const { gateway, several, origin } = await limited(t, { rate: 1, period: '1h' })
  await several(1, '203.0.113.7')
  const answer = await request(gateway.port, 'POST', '/s', {
    fields: { 'X-Forwarded-For': '203.0.113.7' },
    body: 'x'.repeat(100_000),
  })
  assert.equal(answer.status, 429)
  assert.equal(origin.requests.length, 1)
  assert.equal(gateway.core.inFlight, 0)
})

test('options that cannot be are refused with their place and what to do', () => {
  const faultsOf = (options: Options) => {
    const file = {
      version: 1,
      services: { s: { servers: ['http://127.0.0.1:9'], polling: { method: 'tcp' } } },
      routes: [{ match: { path: '/s' }, service: 's', pipes: [{ use: 'rate-limit', ...options }] }],
    }
    const parsed = parseConfig(JSON.stringify(file, null, 1), 'test.json', {})
    return parsed.ok ? [] : parsed.problems.map(({ path, line }) => `${path} ${line > 0}`)
  }
  const at = 'routes[0].pipes[0]'
  assert.deepEqual(faultsOf({ rate: 10 }), [])
  assert.deepEqual(faultsOf({}).length, 1)
  assert.deepEqual(faultsOf({ rate: 0 }), [`${at}.rate true`])
  assert.deepEqual(faultsOf({ rate: 1, by: 'cookie:x' }), [`${at}.by true`])
  assert.deepEqual(faultsOf({ rate: 1, by: ['ip', 'header:b ad'] }), [`${at}.by[1] true`])
  assert.deepEqual(faultsOf({ rate: 1, burst: 0 }), [`${at}.burst true`])
  assert.deepEqual(faultsOf({ rate: 1, status: 200 }), [`${at}.status true`])
  assert.deepEqual(faultsOf({ rate: 1, period: 0 }), [`${at}.period true`])
  assert.deepEqual(faultsOf({ rate: 1, perod: 1 }), [`${at}.perod true`])
})

test('over three workers of one machine exactly as many requests pass as the limit has', async (t) => {
  const origin = await startOrigin(t, (asked) => asked.answer(200, 'ok', { Connection: 'close' }))
  const { processor, reports } = await startSupervised(
    t,
    testConfig({
      processor: { host: '127.0.0.1', workers: 3 },
      services: { s: { servers: [`http://${origin.address}`] } },
      routes: [{ match: { path: '/s' }, service: 's', pipes: [{ use: 'rate-limit', rate: 20, period: '1h' }] }],
    }),
  )
  // Each on a connection of its own. Which worker takes it is the kernel's to say: so until several have had some.
  const ask = () => request(processor.port, 'GET', '/s')
  const answers = await Promise.all(Array.from({ length: 60 }, ask))
  const workers = () => new Set(reports.filter(({ served }) => served > 0).map(({ worker }) => worker)).size
  const severalHaveServed = async () => {
    answers.push(...(await Promise.all(Array.from({ length: 10 }, ask))))
    await processor.flush()
    return workers() >= 2
  }
  await waitFor(severalHaveServed, { timeoutMs: 20_000, what: 'requests at several workers' })
  assert.deepEqual(statuses(answers).sort(), [...times(20, 200), ...times(answers.length - 20, 429)])
  assert.equal(origin.requests.length, 20)
  // Workers come and go, and the count stays: the supervisor has it.
  await processor.replaceWorkers()
  assert.deepEqual(statuses(await Promise.all(Array.from({ length: 6 }, ask))), times(6, 429))
})

test('with scope worker each of them has the whole limit', async (t) => {
  const origin = await startOrigin(t, (asked) => asked.answer(200, 'ok', { Connection: 'close' }))
  const { processor } = await startSupervised(
    t,
    testConfig({
      processor: { host: '127.0.0.1', workers: 2 },
      services: { s: { servers: [`http://${origin.address}`] } },
      routes: [
        { match: { path: '/s' }, service: 's', pipes: [{ use: 'rate-limit', rate: 2, period: '1h', scope: 'worker' }] },
      ],
    }),
  )
  // Requests go on until both are used up.
  const passed = async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => request(processor.port, 'GET', '/s')))
    return answers.filter(({ status }) => status === 200).length
  }
  let all = 0
  await waitFor(async () => (all += await passed()) >= 4)
  assert.equal(await passed(), 0)
  assert.equal(all, 4)
})
