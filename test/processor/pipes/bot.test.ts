// The pipe `bot` over real sockets, and the patterns that no client can make slow.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Recent } from '../../../processor/pipes/auth/recent.js'
import { createSearch, linearPatternFault, linearPatternsFault } from '../../../shared/config/pipes/linear-pattern.js'
import { request } from '../../kit/http.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

test('names that are denied or match get 403, names that are allowed pass before that', async (t) => {
  const pipe = {
    use: 'bot',
    allow: ['c', 'Crawler_1.1'],
    deny: ['a', 'b'],
    patterns: ['(Crawler_).*', '(?i)scrapy/\\d+'],
  }
  const { port, origin } = await startPiped(t, {}, [pipe])
  const statusOf = async (name: string) => (await request(port, 'GET', '/', { fields: { 'User-Agent': name } })).status
  for (const name of ['c', 'Crawler_1.1', 'Mozilla/5.0', 'A', 'aa', 'scrapy/x'])
    assert.equal(await statusOf(name), 200, name)
  assert.equal(origin.requests.length, 6)
  for (const name of ['a', 'b', 'Crawler_1.2', 'my Crawler_9', 'SCRAPY/2.1']) {
    assert.equal(await statusOf(name), 403, name)
    assert.equal(await statusOf(name), 403, `${name}, once more`)
  }
  assert.equal(origin.requests.length, 6)
})

test('a request without a name passes, unless the config denies it', async (t) => {
  const open = await startPiped(t, {}, [{ use: 'bot', deny: ['a'] }])
  assert.equal((await request(open.port, 'GET', '/')).status, 200)
  const closed = await startPiped(t, {}, [{ use: 'bot', empty: 'deny', refusal: 'empty' }])
  const answer = await request(closed.port, 'GET', '/', { fields: { 'User-Agent': ' ' } })
  assert.deepEqual([answer.status, answer.text()], [403, ''])
  assert.equal((await request(closed.port, 'GET', '/', { fields: { 'User-Agent': 'x' } })).status, 200)
  assert.equal(closed.origin.requests.length, 1)
})

test('a name far longer than any is refused without being looked at', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'bot', patterns: ['evil'] }])
  const statusOf = async (length: number) =>
    (await request(port, 'GET', '/', { fields: { 'User-Agent': 'x'.repeat(length) } })).status
  assert.deepEqual([await statusOf(1024), await statusOf(1025), await statusOf(20_000)], [200, 403, 403])
  assert.equal(origin.requests.length, 1)
})

test('verdicts are remembered in a map that does not grow beyond its bound', () => {
  const recent = new Recent<boolean>(3)
  for (let i = 0; i < 100; i++) {
    recent.set(`name ${i}`, true)
    recent.get('name 0')
  }
  assert.equal(recent.size, 3)
  // What is asked for again and again stays; of the others the newest do.
  assert.deepEqual(
    ['name 0', 'name 97', 'name 98', 'name 99'].map((name) => recent.get(name)),
    [true, undefined, true, true],
  )
})

/** Forms that both kinds of pattern know and mean alike. */
const PIECES = [
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '[a-c]',
  '\\d',
  '\\w',
  'a*',
  'b+?',
  'a?',
  '.*',
  '(ab|c)',
  '(?:a|b)*',
  'c{2}',
  'a{1,3}',
  'b{0,}',
  '^',
  '$',
  '|',
  '(a*)*',
  '\\.',
]

test('patterns find what regular expressions find', () => {
  const pattern = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''))
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '.', ' '), maxLength: 12 })
  fc.assert(
    fc.property(pattern, text, (source, value) => {
      assert.equal(linearPatternFault(source), undefined, source)
      assert.equal(createSearch([source])(value), new RegExp(source).test(value), `${source} in ${value}`)
    }),
    { numRuns: 1000 },
  )
})

test('case, ranges and escapes of patterns mean what they mean elsewhere', () => {
  const finds = (pattern: string, text: string) => createSearch(['nothing else', pattern])(text)
  assert.ok(finds('(?i)^goOGLEbot/[2-4]\\.\\d$', 'GoogleBot/3.1'))
  assert.ok(finds('[\\w.-]+@', 'a.b-c@') && finds('[]x]', ']') && finds('\\x41\\/', 'A/') && finds('(?P<n>a)b', 'ab'))
  assert.ok(finds('(?i)[^a-c]$', 'd') && !finds('(?i)^[^a-c]$', 'B'))
  assert.ok(!finds('a.c', 'a\nc') && !finds('^b', 'ab'))
})

test('patterns that cannot be matched in linear time, or at all, are faults', () => {
  for (const pattern of [
    '(a',
    'a)',
    '[a',
    '*a',
    'a{3,1}',
    '\\1',
    '(?=a)',
    '(?<!a)',
    '\\',
    '\\b',
    '[b-a]',
    '',
    'é€',
    '[[:alpha:]]',
  ])
    assert.notEqual(linearPatternFault(pattern), undefined, pattern)
  assert.match(linearPatternFault('(?:(?:a{1000}){1000}){1000}')?.message ?? '', /too much/)
  assert.match(linearPatternsFault(Array.from({ length: 100 }, () => 'a{100}'))?.message ?? '', /too much/)
  const { faults } = saidOf({ use: 'bot', patterns: ['ok', '(x+'] })
  assert.match(faults[0] ?? '', /^test\.json:6:18 .*patterns\[1\] {2}not a pattern: a "\(" is not closed/)
})

test('a pattern that would keep a backtracking matcher busy for years takes no more steps than any other', () => {
  const search = createSearch(['(a*)*(a*)*(a+)+(.*.*.*)+!'])
  assert.equal(search('a'.repeat(1024)), false)
  assert.equal(search(`${'a'.repeat(1024)}!`), true)
})
