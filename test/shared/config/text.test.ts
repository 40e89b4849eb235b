// The small grammars inside values: durations, sizes, cron, hosts, addresses, paths, fields.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import cron from 'node-cron'
import { addressFault, instanceId, readAddress } from '../../../shared/config/text/address.js'
import { cronFault, looksLikeCron } from '../../../shared/config/text/cron.js'
import { durationMs } from '../../../shared/config/text/duration.js'
import { cidrFault, hostPatternFault, plainHostPattern } from '../../../shared/config/text/host.js'
import { fieldValueFault, methodFault, sentFieldFault, statusRange } from '../../../shared/config/text/http.js'
import { apiPathFault, basePathFault, endpointFault } from '../../../shared/config/text/path.js'
import { sizeBytes } from '../../../shared/config/text/size.js'

test('durations are seconds without a unit, and never become zero unless they are', () => {
  assert.deepEqual(
    [10, 0.25, 0, 0.0001, '250ms', '10s', '1.5m', '2 h', '7d'].map(durationMs),
    [10_000, 250, 0, 1, 250, 10_000, 90_000, 7_200_000, 604_800_000],
  )
  for (const text of ['', '10', '5x', '-1s', '1e3s', 's', '1s2m']) assert.equal(durationMs(text), undefined, text)
})

test('sizes are bytes without a unit', () => {
  assert.deepEqual([5, '1B', '32KiB', '64MB', '1.5GiB'].map(sizeBytes), [5, 1, 32_768, 64_000_000, 1_610_612_736])
  for (const text of ['5', '5 kb', 'KiB', '-1B']) assert.equal(sizeBytes(text), undefined, text)
})

test('an address is taken apart as the registry needs it', () => {
  const cases: [string, string, boolean][] = [
    ['127.0.0.1:8080', 's/127.0.0.1:8080', false],
    ['Orders.Internal', 's/orders.internal:80', false],
    ['https://h', 's/h:443', true],
    ['HTTP://h:81/base/', 's/h:81/base', false],
    ['[::1]:8080', 's/[::1]:8080', false],
    ['[FD00::1]', 's/[fd00::1]:80', false],
    ['http://[::1]/a/b', 's/[::1]:80/a/b', false],
    ['my_host', 's/my_host:80', false],
    ['bücher.example', 's/xn--bcher-kva.example:80', false],
    ['h/', 's/h:80', false],
  ]
  for (const [text, id, secure] of cases) {
    const read = readAddress(text)
    assert.ok('address' in read, text)
    assert.deepEqual([instanceId('s', read.address), read.address.secure], [id, secure])
  }
})

test('an address that could mean something else is refused', () => {
  const refused = [
    [
      '',
      'http://',
      ':80',
      'h:',
      'h:0',
      'h:65536',
      'h:x',
      'h:080000',
      'h:80:80',
      '::1',
      '[::1',
      '[h]',
      '[::1]x',
      '[fe80::1%eth0]',
    ],
    [
      'ftp://h',
      'http://u@h',
      'http://u:p@h',
      'u:p@h',
      'h?x=1',
      'h/a?x=1',
      'h/#f',
      '-h',
      'http://-c',
      'a b',
      'h\n',
      'h/a b',
    ],
    [
      'h/..',
      'h/a/./b',
      'h/%2e%2e/b',
      'h//',
      'h/a//b',
      'h\\a',
      'h/a\\b',
      '1.2.3',
      '1.2.3.256',
      'a..b',
      'a-.b',
      'x'.repeat(64),
    ],
  ].flat()
  for (const text of refused) assert.ok(addressFault(text), text)
})

test('an API path is literal segments, whole-segment parameters and a last star', () => {
  for (const path of ['/', '/a', '/a/', '/a/{id}', '/{a}/{b-c}/*', '/*', '/caf%C3%A9', "/a.b~c!$&'()+,;=:@"]) {
    assert.equal(apiPathFault(path), undefined, path)
  }
  const refused = [
    '',
    'a',
    '//',
    '/a//b',
    '/a?x',
    '/a#x',
    '/.',
    '/a/..',
    '/%2E%2e/a',
    '/*/a',
    '/a*',
    '/{}',
    '/{a',
    '/a{b}',
    '/{1}',
  ]
  for (const path of [...refused, '/{a}/{a}', '/é', '/a b', '/a%2', '/a\\b', '/a\n'])
    assert.ok(apiPathFault(path), path)
})

test('an endpoint may have a query, a base path may not be odd', () => {
  assert.equal(endpointFault('/health?deep=1&x=%20'), undefined)
  for (const path of ['health', '', '/a b', '/a#b', '/\r\nx']) assert.ok(endpointFault(path), path)
  assert.equal(basePathFault('/a/'), undefined)
  assert.ok(basePathFault('/a/../b'))
})

test('hosts to match and blocks of addresses', () => {
  for (const host of ['a.example', '*.example.org', '10.0.0.1', '::1'])
    assert.equal(hostPatternFault(host), undefined, host)
  for (const host of ['', '*', 'a.*', '*.*.b', 'a:80', '-a', 'a b']) assert.ok(hostPatternFault(host), host)
  assert.deepEqual(['A.example', '*.München.example', '10.0.0.1', 'FD00::1'].map(plainHostPattern), [
    'a.example',
    '*.xn--mnchen-3ya.example',
    '10.0.0.1',
    '[fd00::1]',
  ])
  for (const block of ['10.0.0.0/8', '10.0.0.1', '::1', 'fd00::/64', '0.0.0.0/0'])
    assert.equal(cidrFault(block), undefined, block)
  for (const block of ['', '10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/8/1', '10.0.0.0/', 'h', '10.0.0.0/-1']) {
    assert.ok(cidrFault(block), block)
  }
})

test('methods, fields and statuses keep to HTTP', () => {
  for (const method of ['GET', 'PURGE', 'x-y', 'M-SEARCH']) assert.equal(methodFault(method), undefined, method)
  for (const method of ['', 'get', 'G T', 'CONNECT', 'GÉT']) assert.ok(methodFault(method), method)
  for (const name of ['Transfer-Encoding', 'content-length', 'a b', '', 'a:']) assert.ok(sentFieldFault(name), name)
  assert.equal(sentFieldFault('Host'), undefined)
  for (const value of ['a\r\nb: c', '\u0000', ' a', '€']) assert.ok(fieldValueFault(value), value)
  assert.deepEqual([200, '204', '200-299', '5xx'].map(statusRange), [
    [200, 200],
    [204, 204],
    [200, 299],
    [500, 599],
  ])
  for (const text of ['299-200', '600', '2x', '']) assert.equal(statusRange(text), undefined, text)
})

test('a cron expression has five fields, or six with seconds in front', () => {
  for (const text of ['* * * * *', '*/5 * * * * *', '0 3 1-15/2 jan-mar mon,wed', '0 0 1 1 0', '59 23 31 12 7']) {
    assert.equal(cronFault(text), undefined, text)
  }
  const refused = [
    '* * * *',
    '* * * * * * *',
    '0 0 31 4 *',
    '0 0 30 feb *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '*/0 * * * *',
  ]
  for (const text of [
    ...refused,
    '5/10 * * * *',
    '9-3 * * * *',
    'a * * * *',
    '1,,2 * * * *',
    '- * * * *',
    '* * * x *',
  ]) {
    assert.ok(cronFault(text), text)
  }
  assert.equal(looksLikeCron('10s'), false)
  assert.equal(looksLikeCron('10 s'), false)
})

test('what passes as a cron expression is one to the scheduler', () => {
  const item = (min: number, max: number) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('*') },
      { weight: 6, arbitrary: fc.integer({ min, max }).map(String) },
      {
        weight: 6,
        arbitrary: fc
          .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
          .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
      },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 70 }).map((n) => `*/${n}`) },
      // Rare: with one in each of six fields hardly any expression would be right.
      { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
    )
  const field = (min: number, max: number) =>
    fc.array(item(min, max), { minLength: 1, maxLength: 3 }).map((list) => list.join(','))
  const expression = fc.tuple(field(0, 59), field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
  let accepted = 0
  fc.assert(
    fc.property(expression, (fields) => {
      const text = fields.join(' ')
      if (cronFault(text)) return
      accepted++
      assert.ok(cron.validate(text), text)
    }),
    { numRuns: 800 },
  )
  assert.ok(accepted > 50)
})
