// Explain: the same order as the workers', with what each of them says of the instances at the moment.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExplain } from '../../processor/explain.js'
import type { Candidate, Ejection, LiveView } from '../../shared/processor.js'
import type { Instance } from '../../shared/registry/instance.js'
import { testConfig, type TestConfig } from '../kit/gateway.js'

type Facts = Partial<ReturnType<LiveView['live']>>

interface Given {
  readonly servers?: readonly unknown[]
  readonly service?: Record<string, unknown>
  readonly processor?: Record<string, unknown>
  /** By port. */
  readonly states?: Readonly<Record<number, Partial<Instance>>>
  readonly facts?: Readonly<Record<number, Facts>>
  readonly workers?: readonly string[]
}

/** Explains GET /orders; instances are up unless told, and named by their port. */
function explain({ servers = [1, 2], service = {}, processor = {}, states = {}, facts = {}, workers }: Given) {
  const address = (one: unknown) =>
    typeof one === 'number'
      ? `127.0.0.1:${one}`
      : { ...(one as object), url: `127.0.0.1:${(one as { at: number }).at}`, at: undefined }
  const config = testConfig({
    processor,
    services: { orders: { servers: servers.map(address), apis: ['/orders'], ...service } },
  })
  const instances = config.services.flatMap(({ servers: all }) =>
    all.map(({ spec }): Instance => ({ ...spec, health: 'up', since: 0, ...states[spec.port] })),
  )
  const registry = { current: { term: 1, seq: 1, instances }, subscribe: () => () => undefined }
  const live: LiveView = {
    live: (id) => ({
      inFlight: 0,
      inFlightBy: [],
      connections: 0,
      ejectedBy: [],
      disputedBy: [],
      flapping: false,
      ...facts[Number(id.split(':').at(-1))],
    }),
    names: () => workers ?? ['w1', 'w2'],
  }
  const explanation = createExplain(config, registry, live)('GET', '/orders/7')
  const port = ({ instance }: Candidate) => Number(instance.split(':').at(-1))
  return {
    ...explanation,
    picks: explanation.picks.map((id) => Number(id.split(':').at(-1))),
    reasons: Object.fromEntries(explanation.candidates.map((one) => [port(one), one.reason])),
  }
}

/** So many requests in each worker. */
const busy = (...each: readonly number[]): Facts => ({
  inFlight: each.reduce((sum, n) => sum + n, 0),
  inFlightBy: each.map((inFlight, i) => ({ worker: `w${i + 1}`, inFlight })),
})

const by = (worker: string, reason: Ejection['reason'], guard: Ejection['guard'] = 'open'): Ejection => ({
  worker,
  reason,
  guard,
})

test('instances of the best tier are picked, those of the next one stand by, and the others say why not', () => {
  const servers = [
    { at: 1, priority: 'high' },
    { at: 2, priority: 'high' },
    { at: 3, priority: 'low' },
    { at: 4, priority: 'high' },
    { at: 5, priority: 'high' },
    { at: 6, priority: 'high', weight: 0 },
  ]
  const states: Given['states'] = {
    2: { health: 'down' },
    4: { override: 'drain' },
    5: { override: 'out-of-service' },
  }
  const { picks, reasons, outcome } = explain({ servers, states })
  assert.deepEqual(picks, [1])
  assert.deepEqual(reasons, {
    1: 'up, priority high: the best tier',
    2: 'down',
    3: 'up, priority low: stands by',
    4: 'drained by override',
    5: 'out of service by override',
    6: 'weight 0',
  })
  assert.equal(outcome.kind === 'forward' && outcome.strategy, 'round-robin')
})

test('an instance that every worker ejects is not picked; one that some worker uses is, and says who does not', () => {
  const all = explain({ facts: { 1: { ejectedBy: [by('w1', 'refused'), by('w2', 'failures', 'half-open')] } } })
  assert.deepEqual(all.picks, [2])
  assert.equal(
    all.reasons[1],
    'up, priority unset: ejected by w1 (connection refused); ejected by w2 (failures in a row, one request may try)',
  )
  const some = explain({ facts: { 1: { ejectedBy: [by('w2', 'breaker')] } } })
  assert.deepEqual(some.picks, [1, 2])
  assert.equal(some.reasons[1], 'up, priority unset: the best tier; breaker open in w2')
  assert.deepEqual(some.candidates[0]?.ejections, [by('w2', 'breaker')])
})

test('each worker has a best tier of its own', () => {
  const servers = [
    { at: 1, priority: 'high' },
    { at: 2, priority: 'low' },
  ]
  const { picks, reasons } = explain({ servers, facts: { 1: { ejectedBy: [by('w1', 'answers')] } } })
  assert.deepEqual(picks, [1, 2])
  assert.equal(reasons[1], 'up, priority high: the best tier; ejected by w1 (bad answers in a row)')
  assert.equal(reasons[2], 'up, priority low: the best tier')
})

test('when nobody is up those that are down are tried, unless the config refuses that', () => {
  const states: Given['states'] = { 1: { health: 'down' }, 2: { health: 'down', override: 'drain' } }
  const facts: Given['facts'] = { 1: { disputedBy: ['w1'] } }
  const tried = explain({ states, facts })
  assert.deepEqual(tried.picks, [1])
  assert.equal(tried.reasons[1], 'down, polling disputed: tried all the same, nobody else is left')
  assert.equal(tried.candidates[0]?.disputed, true)
  assert.equal(tried.reasons[2], 'drained by override')
  const refused = explain({ states, facts, service: { balance: { panic: 'refuse' } } })
  assert.deepEqual([refused.picks, refused.outcome.kind], [[], 'refused'])
  assert.equal(refused.reasons[1], 'down, polling disputed')
})

test('a tier with too few left is helped by the next one', () => {
  const servers = [1, 2, 3, 4].map((at) => ({ at, priority: at < 4 ? 'high' : 'low' }))
  const service = { balance: { spill_below: 0.5 } }
  assert.deepEqual(explain({ servers, service, states: { 1: { health: 'down' } } }).picks, [2, 3])
  assert.deepEqual(
    explain({ servers, service, states: { 1: { health: 'down' }, 2: { health: 'down' } } }).picks,
    [3, 4],
  )
  const wanted = { balance: { min_instances: 3 } }
  assert.deepEqual(explain({ servers, service: wanted }).picks, [1, 2, 3])
  assert.deepEqual(explain({ servers, service: wanted, states: { 1: { health: 'down' } } }).picks, [2, 3, 4])
})

test('a full instance, a flapping one and one in another zone say so', () => {
  const limits = { service: { concurrency: { instance: 4 } }, processor: { workers: 2 } }
  const full = explain({ ...limits, facts: { 1: busy(2, 2) } })
  const words = 'full in w1: 2 in flight; full in w2: 2 in flight'
  assert.deepEqual([full.picks, full.reasons[1]], [[2], `up, priority unset: ${words}`])
  assert.equal(full.candidates[0]?.in_flight, 4)
  const held = explain({ states: { 1: { health: 'down' } }, facts: { 1: { flapping: true } } })
  assert.equal(held.reasons[1], 'down, flapping: held down')
  const servers = [
    { at: 1, zone: 'a' },
    { at: 2, zone: 'b' },
  ]
  const near = explain({ servers, processor: { zone: 'b' }, service: { balance: { prefer_zone: true } } })
  assert.deepEqual(near.picks, [2])
  assert.equal(near.reasons[1], 'up, priority unset, another zone: stands by')
})

test('each worker is full by its own share of a limit, which is at least 1', () => {
  const picks = (limit: unknown, ...each: readonly number[]) => {
    const service = { concurrency: { instance: limit } }
    return explain({ servers: [1], service, processor: { workers: 2 }, facts: { 1: busy(...each) } }).picks
  }
  assert.deepEqual(picks(4, 3, 1), [1], 'w2 has a place')
  assert.deepEqual(picks(5, 2, 2), [])
  assert.deepEqual(picks(1, 1, 0), [1])
  assert.deepEqual(picks(1, 1, 1), [])
  assert.deepEqual(picks('auto', 900, 900), [1])
  assert.deepEqual(picks(0, 900, 900), [1])
})

test('where nobody is picked it tells the code that a worker would give', () => {
  const code = (given: Given) => {
    const { outcome, picks } = explain({ processor: { workers: 2 }, ...given })
    assert.deepEqual(picks, [])
    return outcome.kind === 'refused' ? outcome.code : outcome.kind
  }
  const ejected: Facts = { ejectedBy: [by('w1', 'breaker'), by('w2', 'breaker')] }
  const service = { concurrency: { instance: 4 } }
  assert.equal(code({ states: { 1: { override: 'drain' }, 2: { weight: 0 } } }), 'no-instance')
  assert.equal(code({ facts: { 1: ejected, 2: ejected } }), 'breaker-open')
  assert.equal(code({ service, facts: { 1: ejected, 2: busy(2, 2) } }), 'overload')
  assert.equal(code({ service, facts: { 1: ejected, 2: { ...busy(2, 2), ...ejected } } }), 'breaker-open')
  const drained = { ...ejected, ...busy(2, 2) }
  const states: Given['states'] = { 1: { override: 'drain' }, 2: { override: 'drain' } }
  assert.equal(code({ service, facts: { 1: drained, 2: drained }, states }), 'no-instance')
})

test('a service that has all that it may have is full, whichever of its instances runs it', () => {
  const given: Given = { service: { concurrency: { service: 8 } }, processor: { workers: 2 } }
  const full = explain({ ...given, facts: { 1: busy(3, 1), 2: busy(1, 3) } })
  assert.equal(full.outcome.kind === 'refused' && full.outcome.code, 'overload')
  assert.equal(full.reasons[2], 'up, priority unset: service full in w1: 4 in flight; service full in w2: 4 in flight')
  assert.deepEqual(explain({ ...given, facts: { 1: busy(4, 1), 2: busy(1, 2) } }).picks, [1, 2])
})

test('without a worker that has reported it says what a new one would do', () => {
  assert.deepEqual(explain({ workers: [], states: { 1: { health: 'unknown' } } }).picks, [2])
})

test('the strategy is told with what it goes by', () => {
  const strategy = (balance: object) => {
    const { outcome } = explain({ service: { balance } })
    return outcome.kind === 'forward' ? outcome.strategy : outcome.kind
  }
  assert.equal(strategy({ strategy: 'p2c', sticky: { cookie: 'seat' } }), 'p2c, sticky by cookie seat')
  assert.equal(strategy({ strategy: 'hash', hash: { header: 'x-user' } }), 'hash of header x-user')
})

/** What is explained of a config as it is; nothing is up. */
function told(given: TestConfig, method: string, url: string) {
  const registry = { current: { term: 1, seq: 1, instances: [] }, subscribe: () => () => undefined }
  const live: LiveView = { live: () => assert.fail('there is no instance'), names: () => ['w1'] }
  return createExplain(testConfig(given), registry, live)(method, url)
}

const pipe = (name: string) => ({ use: 'rate-limit', rate: 1, name })

test('the pipes of the processor, of the host, of the service and of the route are named in their order', () => {
  const given: TestConfig = {
    processor: {
      pipes: [pipe('all'), pipe('too')],
      hosts: { 'a.example': { pipes: [pipe('host')] }, '*.example': { pipes: [pipe('any host')] } },
    },
    services: { orders: { servers: ['127.0.0.1:1'], apis: ['/orders'], pipes: [pipe('service')] } },
    routes: [
      { match: { path: '/own' }, service: 'orders', pipes: [pipe('route')] },
      { match: { path: '/fixed' }, fixed: { status: 204 }, pipes: [pipe('fixed')] },
    ],
  }
  const pipes = (url: string, method = 'GET') => told(given, method, url).pipes
  assert.deepEqual(pipes('/orders/7'), ['all', 'too', 'service'])
  assert.deepEqual(pipes('/own'), ['all', 'too', 'service', 'route'])
  assert.deepEqual(pipes('http://a.example/own'), ['all', 'too', 'host', 'service', 'route'])
  assert.deepEqual(pipes('http://B.example/fixed'), ['all', 'too', 'any host', 'fixed'])
  // Those of the processor and of the host see what no route takes, too.
  assert.deepEqual(pipes('http://a.example/nowhere'), ['all', 'too', 'host'])
})

test('what is merged names each service once, in the order of the calls', () => {
  const given: TestConfig = {
    services: { users: { servers: ['127.0.0.1:1'] }, posts: { servers: ['127.0.0.1:2'] } },
    routes: [
      {
        match: { path: '/page' },
        merge: [
          { service: 'posts', path: '/posts', group: 'posts' },
          { service: 'users', path: '/me', group: 'me' },
          { service: 'posts', path: '/top', group: 'top' },
        ],
        pipes: [pipe('fair')],
      },
    ],
  }
  const { outcome, pipes, candidates, picks } = told(given, 'GET', '/page')
  assert.ok(outcome.kind === 'merge')
  assert.deepEqual([outcome.services, pipes, candidates, picks], [['posts', 'users'], ['fair'], [], []])
})
