// What answers say of their freshness, in all the ways in which they say it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FieldLines } from '../../../processor/field-lines.js'
import { Entry } from '../../../processor/pipes/cache/entry.js'
import { parseDirectives } from '../../../processor/pipes/cache/directives.js'
import { httpDateMs } from '../../../processor/pipes/cache/http-date.js'
import { isNotModified, partOf } from '../../../processor/pipes/cache/preconditions.js'
import { useOf } from '../../../processor/pipes/cache/usable.js'
import { selectedFor, selectingFields, selects } from '../../../processor/pipes/cache/vary.js'
import { readWishes } from '../../../processor/pipes/cache/wishes.js'
import { judge, type Terms } from '../../../processor/pipes/cache/policy.js'

const WALL = Date.UTC(2026, 0, 1)
const at = (seconds: number) => new Date(WALL + seconds * 1000).toUTCString()
const NOTHING = { ttlMs: 0, heuristic: 0, setCookie: false, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 }

function terms(
  lines: readonly string[],
  more: { status?: number; authorized?: boolean; options?: object } = {},
): Terms | undefined {
  const { status = 200, authorized = false, options = {} } = more
  const fields = new FieldLines(lines.map((line) => `${line}\r\n`).join(''))
  const asked = { method: 'GET', requestDirectives: new Map(), authorized, askedAt: 0, answeredAt: 0, wallMs: WALL }
  return judge({ ...asked, status, fields }, { ...NOTHING, ...options })
}

/** Seconds for which the answer is fresh from now on; undefined: it is not stored. */
function fresh(...given: Parameters<typeof terms>): number | undefined {
  const found = terms(...given)
  return found && found.freshUntil / 1000
}

test('lifetimes are read as they are meant', () => {
  const date = `Date: ${at(0)}`
  const rows: readonly (readonly [number | undefined, ...string[]])[] = [
    [60, 'Cache-Control: max-age=60'],
    [60, 'Cache-Control: MAX-AGE="60"'],
    [60, 'Cache-Control: max-age=0060'],
    [60, 'Cache-Control: max-age=60', 'Cache-Control: max-age=1'],
    [90, 'Cache-Control: max-age=60, s-maxage=90'],
    [0, 'Cache-Control: max-age=-1'],
    [0, 'Cache-Control: max-age=1x'],
    [0, 'Cache-Control: max-age= 60'],
    [0, 'Cache-Control: max-age =60'],
    [1, 'Cache-Control: x="max-age=60", max-age=1'],
    [2 ** 31, 'Cache-Control: max-age=99999999999'],
    [0, 'Cache-Control: max-age=60, no-cache'],
    [undefined, 'Cache-Control: max-age=60, no-store'],
    [undefined, 'Cache-Control: x="a, no-store', 'Cache-Control: no-store'],
    [60, 'Cache-Control: max-age=60, x="no-store"'],
    [60, 'Cache-Control: max-age=60, no-store, must-understand'],
    [undefined, 'Cache-Control: max-age=60, private'],
    [60, 'Cache-Control: max-age=60, private="X-Own"'],
    [30, date, `Expires: ${at(30)}`],
    [30, `Expires: ${at(30)}`],
    [60, date, `Expires: ${at(30)}`, 'Cache-Control: max-age=60'],
    [0, date, 'Expires: 0'],
    [40, 'Cache-Control: max-age=60', 'Age: 20'],
    [40, 'Cache-Control: max-age=60', 'Age: 20, 50'],
    [60, 'Cache-Control: max-age=60', 'Age: old'],
    [50, 'Cache-Control: max-age=60', `Date: ${at(-10)}`],
    [0, date],
    [undefined, 'Cache-Control: max-age=60', 'Set-Cookie: a=b'],
    [60, 'Cache-Control: max-age=60, no-cache="Set-Cookie"', 'Set-Cookie: a=b'],
  ]
  for (const [seconds, ...lines] of rows) assert.equal(fresh([...lines, 'ETag: "v1"']), seconds, lines.join(' | '))
})

test('any status may be stored with a time of its own, and some without one', () => {
  for (const status of [200, 203, 299, 302, 404, 500, 599]) {
    assert.equal(fresh(['Cache-Control: max-age=60'], { status }), 60, String(status))
  }
  for (const status of [206, 304, 416, 999]) assert.equal(fresh(['Cache-Control: max-age=60'], { status }), undefined)
  const options = { ttlMs: 10_000 }
  for (const status of [200, 301, 404]) assert.equal(fresh([], { status, options }), 10)
  for (const status of [201, 302, 403, 500, 503])
    assert.equal(fresh([], { status, options }), undefined, String(status))
  const unknown = ['Cache-Control: max-age=60, no-store, must-understand']
  assert.equal(fresh(unknown, { status: 599 }), undefined)
})

test('what can be neither served nor validated is not stored', () => {
  assert.equal(fresh([`Date: ${at(0)}`]), undefined)
  assert.equal(fresh(['Cache-Control: max-age=0']), undefined)
  assert.equal(fresh(['Cache-Control: no-cache, max-age=60']), undefined)
  assert.equal(fresh(['ETag: "v1"']), 0)
  assert.equal(fresh([`Last-Modified: ${at(-1000)}`]), 0)
  assert.equal(fresh(['Cache-Control: max-age=0, stale-if-error=60']), 0)
  assert.equal(fresh(['Cache-Control: max-age=0, stale-while-revalidate=60']), 0)
})

test('a guess from Last-Modified is made only where it is asked for', () => {
  const lines = [`Date: ${at(0)}`, `Last-Modified: ${at(-1000)}`]
  assert.equal(fresh(lines), 0)
  assert.equal(fresh(lines, { options: { heuristic: 0.1 } }), 100)
  assert.equal(fresh([...lines, 'Cache-Control: max-age=5'], { options: { heuristic: 0.1 } }), 5)
})

test('answers to requests with credentials are kept only where the answer allows it', () => {
  const authorized = { authorized: true }
  assert.equal(fresh(['Cache-Control: max-age=60'], authorized), undefined)
  for (const allowed of ['public', 'must-revalidate', 's-maxage=60']) {
    assert.equal(fresh([`Cache-Control: max-age=60, ${allowed}`], authorized), 60, allowed)
  }
})

test('stale answers are of use for as long as they say, and never where they say so', () => {
  const window = (directives: string, options = {}) => {
    const found = terms([`Cache-Control: max-age=10, ${directives}`, 'ETag: "v1"'], { options })
    return [found?.staleUntil, found?.onErrorUntil]
  }
  const usual = { staleWhileRevalidateMs: 1000, staleIfErrorMs: 2000 }
  assert.deepEqual(window('stale-while-revalidate=5, stale-if-error=7'), [15_000, 17_000])
  assert.deepEqual(window('x', usual), [11_000, 12_000])
  assert.deepEqual(window('stale-while-revalidate=0, stale-if-error=0', usual), [10_000, 10_000])
  for (const forbidden of ['must-revalidate', 'proxy-revalidate', 'no-cache']) {
    assert.deepEqual(window(`${forbidden}, stale-while-revalidate=5`, usual), [-Infinity, -Infinity], forbidden)
  }
  assert.deepEqual(window('s-maxage=10', usual), [-Infinity, -Infinity])
  assert.deepEqual(window('s-maxage=10, stale-while-revalidate=5'), [15_000, -Infinity])
})

test('dates are read in the three forms that there are, and in no other', () => {
  const wanted = Date.UTC(1994, 10, 6, 8, 49, 37)
  for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) {
    assert.equal(httpDateMs(text, WALL), wanted, text)
  }
  for (const text of [
    '0',
    '-1',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 25:49:37 GMT',
    '1994-11-06T08:49:37Z',
  ]) {
    assert.equal(httpDateMs(text, WALL), undefined, text)
  }
  assert.equal(httpDateMs('Thursday, 18-Aug-50 02:01:18 GMT', WALL), Date.UTC(2050, 7, 18, 2, 1, 18))
})

test('no text takes long to read', () => {
  const hostile = [
    '"'.repeat(50_000),
    '\\"'.repeat(50_000),
    'a='.repeat(50_000),
    ','.repeat(100_000),
    `${','.repeat(100_000)}@`,
    'x="'.repeat(30_000),
  ]
  for (const text of hostile) assert.ok(parseDirectives(text).size <= 100)
})

test('a long list is not worked out again for each answer that it is compared with', () => {
  const stored = selectedFor(['x-list'], new FieldLines('X-List: b\r\n')) ?? []
  const leastMs = (times: number) => {
    const all = Array.from({ length: 7 }, (_, run) => {
      const fields = new FieldLines(`X-List: ${run},${'a,'.repeat(4000)}\r\n`)
      const began = performance.now()
      for (let i = 0; i < times; i++) assert.ok(!selects(['x-list'], stored, fields))
      return performance.now() - began
    })
    return Math.min(...all)
  }
  leastMs(1)
  const once = leastMs(1)
  const often = leastMs(64)
  assert.ok(often < 16 * once, `${often} ms for 64, ${once} ms for one`)
})

test('what forbids to store counts also where it is written wrongly', () => {
  for (const wrong of [
    'private; max-age=60',
    'max-age=60 private',
    'no-store max-age=60',
    'max-age=60, private="x',
    'max-age=60, No-Store;',
  ])
    assert.equal(fresh([`Cache-Control: ${wrong}`, 'ETag: "v1"'], { options: { ttlMs: 60_000 } }), undefined, wrong)
  const checked = terms(['Cache-Control: no-cache; max-age=60', 'ETag: "v1"'], { options: { ttlMs: 60_000 } })
  assert.ok(checked?.checked)
  assert.equal(fresh(['Cache-Control: , ,\t,max-age=60,, ,']), 60)
  assert.equal(fresh(['Cache-Control: max-age=60, x="no-store, private"']), 60)
})

test('whatever requests and answers say, nothing of it throws', () => {
  const words = [
    'max-age',
    '=',
    '"',
    ',',
    ' ',
    '\\',
    '0',
    '99999999999999999999',
    '-',
    'bytes',
    'W/',
    '*',
    ';',
    'no-store',
    'GMT',
    ':',
    '\xff',
  ]
  // A sequence that is the same in each run.
  let seed = 1
  const next = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  const noise = () => Array.from({ length: next(12) }, () => words[next(words.length)]).join('')
  const names = ['Cache-Control', 'Expires', 'Date', 'Age', 'Vary', 'Last-Modified', 'ETag', 'Set-Cookie']
  const asks = ['Cache-Control', 'Pragma', 'Range', 'If-Range', 'If-None-Match', 'If-Modified-Since', 'Accept-Language']
  const linesOf = (of: readonly string[]) => of.map((name) => `${name}: ${noise()}\r\n`).join('')
  const body = Buffer.from('0123456789')
  for (let i = 0; i < 5000; i++) {
    const lines = linesOf(names)
    const fields = new FieldLines(lines)
    terms(lines.trimEnd().split('\r\n'), { options: { heuristic: 0.1, setCookie: true } })
    const request = new FieldLines(linesOf(asks))
    const selecting = selectingFields(fields.get('vary'), ['accept-language'])
    const place = {
      key: 'k',
      route: 'r',
      service: 's',
      target: '',
      names: selecting ?? [],
      values: selectedFor(selecting ?? [], request) ?? [],
    }
    assert.ok(selects(place.names, place.values, request))
    const fresh = {
      bornAt: 0,
      freshUntil: 1,
      staleUntil: 1,
      onErrorUntil: 1,
      strict: false,
      checked: false,
      dropped: [],
    }
    const entry = new Entry(place, 200, lines, body, fresh, fields, WALL, true)
    const wishes = readWishes(request)
    useOf(entry, wishes, 0)
    isNotModified(entry, wishes, WALL)
    const part = partOf(entry, wishes)
    if (typeof part === 'object') assert.ok(part.start >= 0 && part.start < part.end && part.end <= body.length)
  }
})
