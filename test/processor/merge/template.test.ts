// Whatever fills a path, the path stays the one that the config means.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readJson } from '../../../processor/handlers/merge/encoding/json.js'
import { createFieldFilter } from '../../../processor/handlers/merge/input.js'
import { redirected } from '../../../processor/handlers/merge/redirect.js'
import { fill, type Filling, Unfillable } from '../../../processor/handlers/merge/template.js'
import type { Fields } from '../../../processor/handlers/merge/value.js'
import { FieldLines } from '../../../processor/field-lines.js'
import { templatePieces } from '../../../shared/config/text/template.js'

function filling(given: Partial<Filling> & { parameters?: Record<string, string> } = {}): Filling {
  const { parameters = {}, ...rest } = given
  return { parameter: (name) => parameters[name], claims: () => undefined, answers: [], slashes: false, ...rest }
}

const answer = (text: string) => ({ data: readJson(text) as Fields, body: Buffer.from(text) })
const filled = (path: string, with_: Filling) => fill(templatePieces(path), with_)

test('values of answers are written as they would be in a text', () => {
  const answers = [
    answer('{"a":{"b":[1,"x",true]},"big":12345678901234567890,"f":1.50,"n":null,"o":{"z":1,"a":2},"l":[{"i":9}]}'),
  ]
  const with0 = filling({ answers })
  assert.equal(filled('/{resp0_a.b}', with0), '/1%2Cx%2Ctrue')
  assert.equal(filled('/{resp0_big}/{resp0_f}', with0), '/12345678901234567890/1.50')
  assert.equal(filled('/x{resp0_n}?o={resp0_o}', with0), '/x?o=%7B%22a%22%3A2%2C%22z%22%3A1%7D')
  assert.equal(filled('/{resp0_l.0.i}', with0), '/9')
  assert.throws(() => filled('/{resp0_a.c}', with0), /part 0 has no "a\.c"/)
  assert.throws(() => filled('/{resp1_a}', with0), Unfillable)
})

test('slashes of answers and of claims part segments only where that is wanted, and never those of parameters', () => {
  const given = {
    answers: [answer('{"link":"users/7?x=1"}')],
    claims: () => ({ sub: 'a/b' }),
    parameters: { p: 'c%2Fd' },
  }
  assert.equal(filled('/{resp0_link}/{JWT.sub}/{p}', filling(given)), '/users%2F7%3Fx%3D1/a%2Fb/c%2Fd')
  assert.equal(
    filled('/{resp0_link}/{JWT.sub}/{p}', filling({ ...given, slashes: true })),
    '/users/7%3Fx%3D1/a/b/c%2Fd',
  )
  assert.equal(filled('/?l={resp0_link}', filling({ ...given, slashes: true })), '/?l=users%2F7%3Fx%3D1')
})

test('no value leads out of the path, or to another host', () => {
  for (const value of ['..', '.', '%2e%2e', '%2E.', '.%2e']) {
    assert.throws(() => filled('/u/{p}/x', filling({ parameters: { p: value } })), Unfillable, value)
  }
  // Some services take the encoding away before they look for dots.
  for (const value of ['../admin', '..\\admin', 'a/../../admin', 'a\\..', './x', 'x/.']) {
    const climbs = { answers: [answer(JSON.stringify({ p: value }))], claims: () => ({ p: value }) }
    assert.throws(() => filled('/u/{resp0_p}', filling(climbs)), Unfillable, value)
    assert.throws(() => filled('/u/{JWT.p}/x', filling(climbs)), Unfillable, value)
    assert.equal(filled('/u?q={JWT.p}', filling(climbs)), `/u?q=${encodeURIComponent(value)}`)
  }
  const dotted = filling({ claims: () => ({ p: 'v1..2/.well-known/a.' }) })
  assert.equal(filled('/u/{JWT.p}', dotted), '/u/v1..2%2F.well-known%2Fa.')
  const climbing = filling({ answers: [answer('{"p":"../../admin","q":"/evil.example/x"}')], slashes: true })
  assert.throws(() => filled('/u/{resp0_p}', climbing), Unfillable)
  assert.equal(filled('/{resp0_q}', climbing), '/evil.example/x')
})

test('a segment that would be empty fails, unless slashes are the same as KrakenD has them', () => {
  const given = { claims: () => ({ e: '' }), answers: [answer('{"n":null,"l":[]}')] }
  for (const path of ['/u/{JWT.e}', '/u/{resp0_n}/x', '/u/{resp0_l}?a=1', '/{JWT.e}']) {
    assert.throws(() => filled(path, filling(given)), Unfillable, path)
    assert.doesNotThrow(() => filled(path, filling({ ...given, slashes: true })), path)
  }
  assert.equal(filled('/u/x{JWT.e}/y?q={resp0_n}', filling(given)), '/u/x/y?q=')
})

test('claims are found by their whole name before they are looked for within others', () => {
  const claims = () => ({ 'a.b': 1, a: { b: 2, c: [3, 4] } })
  assert.equal(filled('/{JWT.a.b}/{JWT.a.c}', filling({ claims })), '/1/3%2C4')
  for (const name of ['nobody', 'a.x', 'constructor', '__proto__', 'a.b.c', 'a.toString'])
    assert.throws(() => filled(`/{JWT.${name}}`, filling({ claims })), Unfillable, name)
})

test('whatever is filled in, a path of two segments stays one, and its query has one parameter', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webPath(),
    fc.constantFrom('%', '%2', '%00', '\ud800', '%2f..%2f'),
  )
  fc.assert(
    fc.property(value, fc.boolean(), (text, isClaim) => {
      const given = isClaim ? { claims: () => ({ v: text }) } : { parameters: { v: text } }
      let target: string
      try {
        target = filled(isClaim ? '/a/{JWT.v}?q={JWT.v}' : '/a/{v}?q={v}', filling(given))
      } catch (error) {
        return assert.ok(error instanceof Unfillable)
      }
      assert.match(target, /^\/a\/[\x21-\x22\x24-\x2e\x30-\x3e\x40-\x7e]*\?q=[\x21-\x22\x24-\x25\x27-\x3e\x40-\x7e]*$/)
      const url = new URL(target, 'http://h')
      assert.equal(url.pathname.split('/').length, 3)
      assert.deepEqual([...url.searchParams.keys()], ['q'])
    }),
    { numRuns: 1000 },
  )
})

const place = (id: string, host: string, port: number, basePath = '', secure = false) => ({
  id,
  host,
  port,
  basePath,
  secure,
})
const redirect = (location: string, places = [place('a', 'h1', 80, '/base')], code = 302) =>
  redirected(
    { status: code, fields: new FieldLines(`Location: ${location}\r\n`), instance: 'a' },
    { method: 'POST', target: '/x/y?z=1', referer: '', withBody: true },
    places,
  )

test('a redirect is followed below the path of the instance, and without a Referer where it leaves TLS', () => {
  const to = (target: string, referer = 'http://h1/base/x/y?z=1') => ({
    method: 'GET',
    target,
    referer,
    withBody: false,
  })
  assert.deepEqual(redirect('/base/new?q'), to('/new?q', 'http://h1:80/base/x/y?z=1'.replace(':80', '')))
  assert.deepEqual(redirect('new'), to('/x/new'))
  assert.deepEqual(redirect('HTTP://H1:80/base/../base/n'), to('/n'))
  assert.deepEqual(redirect('/other'), { why: 'its redirect leads out of the path of the instance' })
  assert.deepEqual(redirect('../../../../etc'), { why: 'its redirect leads out of the path of the instance' })
  assert.deepEqual(redirect('/baseless/n'), { why: 'its redirect leads out of the path of the instance' })
  const both = [place('a', '::1', 443, '', true), place('b', 'h2', 8080)]
  assert.deepEqual(redirect('http://h2:8080/n', both), { method: 'GET', target: '/n', referer: '', withBody: false })
  assert.deepEqual(redirect('https://[::1]/n', both), to('/n', 'https://[::1]/x/y?z=1'))
  assert.equal(redirect('/n', both, 200), undefined)
  assert.deepEqual(redirect('/n', both, 308), {
    method: 'POST',
    target: '/n',
    referer: 'https://[::1]/x/y?z=1',
    withBody: true,
  })
})

test('fields about framing never pass, whatever is listed', () => {
  const fields = 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nTrailer: x\r\nX: 1\r\n'
  for (const forwarding of ['native', 'strict'] as const) {
    const filter = createFieldFilter(
      { forwarding, inputHeaders: ['*', 'content-length', 'expect'] },
      { encoding: 'json' },
    )
    const { lines } = filter({ fields, address: '::1', host: '' }, true)
    assert.doesNotMatch(lines, /content-length|transfer-encoding|expect|trailer/i)
    assert.match(lines, /^X: 1\r$/m)
  }
})
