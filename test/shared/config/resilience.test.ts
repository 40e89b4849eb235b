// Attempts that fail, instances that are ill, and more requests than a service can take: what the file may say of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lines, load, problemsOf, warningsOf } from './fixtures.js'

const service = (keys: string) => `a: { servers: [h], polling: { method: ping }, apis: [/a], ${keys} }`
const routed = (keys: string, route: string) =>
  `version: 1\nservices: { ${service(keys)} }\nroutes: [{ match: { path: /x }, service: a, ${route} }]`
const only = (text: string): string => {
  const found = lines(problemsOf(text))
  assert.equal(found.length, 1, found.join('\n'))
  return found[0] ?? ''
}
const warned = (text: string) => lines(warningsOf(text))
const serviceOf = (keys: string) => {
  const [first] = load(service(keys)).services
  assert.ok(first)
  return first
}

test('what a block of retries leaves open has its default', () => {
  const { retry } = serviceOf('')
  const part = (keys: string) => serviceOf(`retry: { ${keys} }`).retry
  assert.deepEqual(part(''), retry)
  assert.deepEqual(part('budget: { share: 0 }'), { ...retry, budget: { share: 0, floor: 10 } })
  assert.deepEqual(part('budget: { floor: 0 }'), { ...retry, budget: { share: 0.2, floor: 0 } })
  assert.deepEqual(part('per_try_ms: 250, unsafe: always'), { ...retry, perTryMs: 250, unsafe: 'always' })
  assert.deepEqual(part('body: 0, hold: 1MiB'), { ...retry, bodyBytes: 0, holdBytes: 1_048_576 })
  assert.deepEqual(part("on: [500, '500', reset]"), { ...retry, on: ['500', 'reset'] })
})

test('of the two ends of a backoff the one that is left open gives way', () => {
  const backoff = (keys: string) => serviceOf(`retry: { backoff: { ${keys} } }`).retry.backoff
  assert.deepEqual(backoff('base: 1s, max_ms: 1000'), { baseMs: 1000, mostMs: 1000 })
  assert.deepEqual(backoff('base: 5s'), { baseMs: 5000, mostMs: 5000 })
  assert.deepEqual(backoff('max: 10ms'), { baseMs: 10, mostMs: 10 })
  assert.deepEqual(backoff('base: 0'), { baseMs: 0, mostMs: 1000 })
  assert.equal(
    only(service('retry: { backoff: { base_ms: 20, max: 0.01 } }')),
    '1:88  a.retry.backoff.base_ms  "base" is longer than "max"  (the first is doubled until it reaches the second)',
  )
})

test('retries keep to their bounds', () => {
  const retry = (keys: string) => only(service(`retry: { ${keys} }`))
  assert.match(retry('attempts: 21'), /must be at most 20/)
  assert.match(retry('on: [404]'), /retry\.on\[0\] {2}must be one of connect, reset, timeout, 500, 502, 503, 504$/)
  assert.match(retry('budget: { share: 1.5 }'), /budget\.share {2}must be at most 1$/)
  assert.match(retry('budget: { floor: -1 }'), /budget\.floor {2}must not be negative/)
  assert.match(retry('budget: { shar: 1 }'), /unknown key "shar" {2}\(did you mean "share"\?\)/)
  assert.match(retry('body: 17MiB'), /retry\.body {2}must be at most 16777216 bytes/)
  assert.match(retry('hold: 1048577'), /retry\.hold {2}must be at most 1048576/)
  assert.match(retry('unsafe: idempotency'), /must be one of "never", "idempotency-key", "always", not "idempotency"/)
  assert.match(retry('per_try: 1, per_try_ms: 1000'), /per_try_ms {2}"per_try" says the same/)
  assert.match(retry('backof: {}'), /unknown key "backof" {2}\(did you mean "backoff"\?\)/)
})

test('a route replaces single keys of the retry of its service, and in a backoff single keys of that', () => {
  const routeRetry = (keys: string, route: string) => load(routed(keys, route)).routes.at(-1)?.retry
  const own = 'retry: { attempts: 5, backoff: { base: 0.1, max: 3 } }'
  assert.equal(routeRetry(own, ''), undefined)
  assert.equal(routeRetry(own, 'retry: {}'), undefined)
  assert.deepEqual(routeRetry(own, 'retry: { unsafe: always }'), { unsafe: 'always' })
  assert.deepEqual(routeRetry(own, 'retry: { backoff: { base_ms: 7 } }'), { backoff: { baseMs: 7, mostMs: 3000 } })
  assert.deepEqual(routeRetry('', 'retry: { backoff: { max: 3 }, hold: 9 }'), {
    backoff: { baseMs: 25, mostMs: 3000 },
    holdBytes: 9,
  })
})

test('a budget is of a service and not of a route', () => {
  assert.equal(
    only(routed('', 'retry: { attempts: 2, budget: { share: 1 } }')),
    '3:75  routes[0].retry.budget  the budget is one for all requests of a service  (put it under the retry of the service)',
  )
})

test('a try that may take longer than its first byte is warned about', () => {
  const on = 'on: [timeout]'
  const long = service(`timeout: { first_byte: 2 }, retry: { per_try_ms: 2500, ${on} }`)
  assert.deepEqual(warned(long), [
    '1:108  a.retry.per_try_ms  longer than the timeout first_byte, which ends a try after 2000 ms  (make it shorter, or raise that one)',
  ])
  assert.deepEqual(warned(service(`timeout: { first_byte: 2 }, retry: { per_try: 2, ${on} }`)), [])
  assert.deepEqual(warned(service(`timeout: { first_byte: 0 }, retry: { per_try: 1h, ${on} }`)), [])
  assert.match(warned(service(`retry: { per_try: 31, ${on} }`)).join(), /ends a try after 30000 ms/)
  assert.match(
    warned(routed('timeout: { first_byte: 2 }', `retry: { per_try: 3, ${on} }`)).join(),
    /^3:\d+ {2}routes\[0\]\.retry\.per_try {2}longer than/,
  )
  assert.deepEqual(
    warned(routed('timeout: { first_byte: 2 }', `retry: { per_try: 3, ${on} }, timeout: { first_byte: 4 }`)),
    [],
  )
})

test('a try that is given up and never followed is warned about', () => {
  assert.deepEqual(warned(service('retry: { per_try_ms: 250 }')), [
    '1:80  a.retry.per_try_ms  a try that it ends is not followed by another one without "timeout" in "on"  (add timeout to "on", or drop this)',
  ])
  assert.match(warned(service('retry: { on: [reset], per_try: 1 }')).join(), /a\.retry\.per_try {2}a try that it ends/)
  assert.deepEqual(warned(service('retry: { on: [reset, timeout], per_try: 1 }')), [])
  assert.deepEqual(warned(service('retry: { per_try: 0 }')), [])
  assert.match(warned(routed('', 'retry: { per_try: 1 }')).join(), /^3:\d+ {2}routes\[0\]\.retry\.per_try {2}a try/)
  assert.deepEqual(warned(routed('retry: { on: [timeout] }', 'retry: { per_try: 1 }')), [])
})

test('a second try that would go out after the first one has ended is warned about', () => {
  assert.deepEqual(warned(service('timeout: { first_byte: 2 }, hedge: { after_ms: 2500 }')), [
    '1:106  a.hedge.after_ms  longer than the timeout first_byte, which ends a try after 2000 ms  (make it shorter, or raise that one)',
  ])
  for (const keys of [
    'first_byte: 2 }, hedge: { after: 2 }',
    'first_byte: 0 }, hedge: { after: 1h }',
    'first_byte: 2 }, hedge: { after: p95 }',
  ])
    assert.deepEqual(warned(service(`timeout: { ${keys}`)), [])
})

test('a second try goes out after a time or a quantile', () => {
  const hedge = (of: string) => serviceOf(`hedge: ${of}`).hedge
  const plain = { after: { kind: 'quantile', q: 0.95 }, most: 0.05 }
  assert.deepEqual(hedge('true'), plain)
  assert.deepEqual(hedge('{}'), plain)
  assert.equal(hedge('false'), undefined)
  assert.equal(serviceOf('').hedge, undefined)
  assert.deepEqual(hedge('{ after: 0.2, most: 1 }'), { after: { kind: 'ms', ms: 200 }, most: 1 })
  assert.deepEqual(hedge('{ after_ms: 30 }'), { ...plain, after: { kind: 'ms', ms: 30 } })
  assert.deepEqual(hedge('{ after: 80ms }'), { ...plain, after: { kind: 'ms', ms: 80 } })
  for (const [text, q] of [
    ['p50', 0.5],
    ['p99', 0.99],
    ['p99.9', 0.999],
    ['p7', 0.07],
  ] as const)
    assert.deepEqual(hedge(`{ after: ${text} }`)?.after, { kind: 'quantile', q })
})

test('a second try that can never be, or always would, is refused', () => {
  const hedge = (keys: string) => only(service(`hedge: { ${keys} }`))
  for (const wrong of ['p0', 'p100', 'p99.99', 'p.5'])
    assert.match(hedge(`after: ${wrong}`), /hedge\.after {2}not a quantile {2}\(from "p0\.1" to "p99\.9"\)/)
  assert.match(hedge('after: often'), /"often" is not a duration/)
  assert.match(hedge('after: [1]'), /must be a duration or a quantile such as p95/)
  assert.match(hedge('after: 0'), /must be at least 1ms/)
  assert.match(hedge('after: p95, after_ms: 3'), /after_ms {2}"after" says the same/)
  assert.match(hedge('most: 0'), /hedge\.most {2}must be above 0 {2}\(hedge: false turns it off\)/)
  assert.match(hedge('most: 1.1'), /must be at most 1/)
  assert.match(only(service('hedge: p95')), /a\.hedge {2}must be true, false, or an object with after, most$/)
  assert.equal(
    only(service('retry: { attempts: 1 }, hedge: true')),
    '1:83  a.hedge  a second try needs "retry.attempts" of at least 2  (raise retry.attempts, or drop "hedge")',
  )
  assert.deepEqual(problemsOf(service('retry: { attempts: 1 }, hedge: false')), [])
})

test('a breaker goes by a rate unless only failures in a row are asked for', () => {
  const breaker = (of: string) => serviceOf(`breaker: ${of}`).breaker
  const plain = { consecutive: 0, rate: 0.5, volume: 20, windowMs: 10_000, openMs: 5000 }
  assert.deepEqual(breaker('true'), plain)
  assert.deepEqual(breaker('{}'), plain)
  assert.equal(breaker('false'), undefined)
  assert.equal(serviceOf('').breaker, undefined)
  assert.deepEqual(breaker('{ open: 1m }'), { ...plain, openMs: 60_000 })
  assert.deepEqual(breaker('{ consecutive: 3 }'), { ...plain, consecutive: 3, rate: 0 })
  assert.deepEqual(breaker('{ consecutive: 3, rate: 1 }'), { ...plain, consecutive: 3, rate: 1 })
  assert.deepEqual(breaker('{ rate: 0.1, volume: 1, window_ms: 100 }'), {
    ...plain,
    rate: 0.1,
    volume: 1,
    windowMs: 100,
  })
})

test('a breaker that would never open is refused, and what it has no use for is warned about', () => {
  const breaker = (keys: string) => only(service(`breaker: { ${keys} }`))
  assert.match(breaker('rate: 0'), /breaker\.rate {2}without "consecutive" the breaker would never open {2}\(give one/)
  assert.match(breaker('rate: 0.5, volume: 0'), /breaker\.volume {2}must be at least 1$/)
  assert.match(breaker('rate: 50'), /must be at most 1$/)
  assert.match(breaker('consecutive: -1'), /must not be negative/)
  assert.match(breaker('window: 0.05'), /must be at least 100ms/)
  assert.match(breaker('window: 2h'), /must be at most 3600s/)
  assert.match(breaker('open: 0'), /must be at least 1ms/)
  assert.match(breaker('treshold: 3'), /unknown key "treshold"/)
  assert.deepEqual(warned(service('breaker: { consecutive: 3, volume: 5, window: 9 }')), [
    '1:86  a.breaker.volume  "volume" is of no use without "rate"',
    '1:97  a.breaker.window  "window" is of no use without "rate"',
  ])
})

test('outliers are ejected unless the file says otherwise', () => {
  const { outlier } = serviceOf('')
  const of = (text: string) => serviceOf(`outlier: ${text}`).outlier
  assert.deepEqual(of('true'), outlier)
  assert.deepEqual(of('{}'), outlier)
  assert.deepEqual(of('false'), { ...outlier, enabled: false })
  assert.deepEqual(of('{ failures: 1, answers: 0, most: 1 }'), { ...outlier, failures: 1, answers: 0, most: 1 })
  for (const [text, statuses] of [
    ['503', [[503, 503]]],
    ["'502-504'", [[502, 504]]],
    [
      '[429, 5xx]',
      [
        [429, 429],
        [500, 599],
      ],
    ],
  ] as const)
    assert.deepEqual(of(`{ statuses: ${text} }`).statuses, statuses)
  assert.deepEqual(of('{ base: 2m }'), { ...outlier, baseMs: 120_000, mostMs: 120_000 })
  assert.deepEqual(of('{ max_ms: 300 }'), { ...outlier, baseMs: 300, mostMs: 300 })
})

test('the keys of an outlier keep to their bounds', () => {
  const outlier = (keys: string) => only(service(`outlier: { ${keys} }`))
  assert.match(outlier('most: 0'), /outlier\.most {2}must be above 0 {2}\(outlier: false turns it off\)/)
  assert.match(outlier('most: 1.01'), /must be at most 1/)
  assert.match(outlier('failures: 0'), /failures {2}must be at least 1/)
  assert.match(outlier('answers: -1'), /must not be negative/)
  assert.match(outlier('statuses: 6xx'), /statuses {2}not a status {2}\(200, "200-299" or "2xx"\)/)
  assert.match(outlier('statuses: []'), /must not be empty/)
  assert.match(outlier('base: 0'), /must be at least 1ms/)
  assert.match(outlier('base: 3, max: 2'), /outlier\.base {2}"base" is longer than "max"/)
  assert.match(outlier('interval: 3'), /unknown key "interval"/)
})

test('statuses that count neither for an ejection nor for a breaker are warned about', () => {
  const of = (keys: string) => warned(service(`outlier: { answers: 0, statuses: 5xx }, ${keys}`)).join()
  assert.match(of(''), /outlier\.statuses {2}"statuses" is of no use where "answers" is 0$/)
  assert.equal(of('breaker: true'), '')
})

test('requests at once are limited per instance and per service', () => {
  const of = (keys: string) => serviceOf(`concurrency: { ${keys} }`).concurrency
  const plain = { instance: 0, service: 0, queue: 100, queueMs: 100 }
  assert.deepEqual(of(''), plain)
  assert.deepEqual(of('instance: auto'), { ...plain, instance: 'auto' })
  assert.deepEqual(of('instance: 8, service: 40, queue: 0, queue_time_ms: 5'), {
    instance: 8,
    service: 40,
    queue: 0,
    queueMs: 5,
  })
  const wrong = (keys: string) => only(service(`concurrency: { ${keys} }`))
  assert.match(wrong('instance: atuo'), /must be "auto" or a whole number {2}\(did you mean "auto"\?\)/)
  assert.match(wrong('instance: 1.5'), /must be "auto" or a whole number$/)
  assert.match(wrong('service: -1'), /must not be negative/)
  assert.match(wrong('queue_time: 25d'), /must be at most 24d/)
  assert.match(wrong('queu: 3'), /unknown key "queu" {2}\(did you mean "queue"\?\)/)
})

test('a limit that the workers cannot share, and a queue that nothing waits in, are warned about', () => {
  assert.deepEqual(warned(service('concurrency: { instance: 3, service: 2 }')), [
    '1:84  a.concurrency.instance  fewer than the 4 workers, of which each takes at least 1  (so it is 4 in all)',
    '1:96  a.concurrency.service  fewer than the 4 workers, of which each takes at least 1  (so it is 4 in all)',
  ])
  assert.deepEqual(warned(service('concurrency: { instance: 4, service: 0 }')), [])
  assert.deepEqual(warned(`${service('concurrency: { instance: 2 }')}\nmeta-info: { workers: 2 }`), [])
  assert.match(
    warned(service('concurrency: { queue: 5 }')).join(),
    /concurrency\.queue {2}"queue" is of no use without "instance" or "service"/,
  )
  assert.deepEqual(warned(service('concurrency: { instance: auto, queue: 5 }')), [])
})

test('a switch may come from a variable', () => {
  const of = (value: string) => load(service("hedge: '${HEDGE}'"), { HEDGE: value }).services[0]?.hedge?.most
  assert.equal(of('true'), 0.05)
  assert.equal(of('false'), undefined)
})

test('a route is of normal importance unless it says otherwise', () => {
  const importance = (route: string) => load(routed('', route)).routes.map((one) => one.importance)
  assert.deepEqual(importance(''), ['normal', 'normal'])
  assert.deepEqual(importance('importance: low'), ['normal', 'low'])
  assert.match(only(routed('', 'importance: hihg')), /not "hihg" {2}\(did you mean "high"\?\)/)
})
