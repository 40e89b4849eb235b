// The pipe `ab` over real sockets: how clients are divided among variants, and what tells which one they have.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { rawRequest, request } from '../../kit/http.js'
import { readMessages } from '../../kit/message.js'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

const THREE = [
  { variant: 'old', weight: 2 },
  { variant: 'new', weight: 1, service: 'beta' },
  { variant: 'blue', weight: 1, headers: { 'X-Colour': 'blue' } },
]

async function startAb(t: Cleanup, options: Record<string, unknown>) {
  const handler =
    (name: string) => (req: { field(name: string): string | undefined; answer(s: number, b: string): void }) =>
      req.answer(200, `${name} ${req.field('x-colour') ?? ''} ${req.field('x-variant') ?? ''}`)
  const main = await startOrigin(t, handler('main'))
  const beta = await startOrigin(t, handler('beta'))
  const { port } = await startGateway(t, {
    processor: { trusted_proxies: ['127.0.0.1'] },
    services: {
      shop: { servers: [main.address], apis: ['/'], pipes: [{ use: 'ab', variants: THREE, ...options }] },
      beta: { servers: [beta.address], apis: ['/beta'] },
    },
  })
  return port
}

test('clients are divided by weight, and each variant has its service and its fields', async (t) => {
  const port = await startAb(t, { sticky: 'ip', request_header: 'X-Variant' })
  const seen = new Map<string, number>()
  for (let block = 0; block < 40; block++) {
    const bytes = Array.from(
      { length: 100 },
      (_, i) => `GET / HTTP/1.1\r\nHost: x\r\nX-Variant: forged\r\nX-Forwarded-For: 10.0.${block}.${i}\r\n\r\n`,
    )
    const raw = await rawRequest(port, bytes.join(''), { answers: 100, timeoutMs: 30_000 })
    for (const { body } of readMessages(raw, { closed: true }))
      seen.set(body.toString(), (seen.get(body.toString()) ?? 0) + 1)
  }
  assert.deepEqual([...seen.keys()].sort(), ['beta  new', 'main  old', 'main blue blue'])
  const near = (key: string, wanted: number) =>
    assert.ok(Math.abs((seen.get(key) ?? 0) - wanted) < 200, JSON.stringify([...seen]))
  near('main  old', 2000)
  near('beta  new', 1000)
  near('main blue blue', 1000)
})

test('a client keeps its variant by a cookie, and the answer names it', async (t) => {
  const port = await startAb(t, { cookie: 'v', answer_header: 'X-Variant' })
  for (const variant of ['old', 'new', 'blue']) {
    for (let i = 0; i < 5; i++) {
      const answer = await request(port, 'GET', '/', { fields: { Cookie: `x=1; v=${variant}` } })
      assert.deepEqual([answer.field('x-variant'), answer.field('set-cookie')], [variant, undefined])
    }
  }
  const fresh = await request(port, 'GET', '/', { fields: { Cookie: 'v=gone' } })
  assert.match(fresh.field('set-cookie') ?? '', /^v=(old|new|blue); Path=\/; HttpOnly; SameSite=Lax$/)
})

test('two experiments on one way have nothing to do with each other', async (t) => {
  const variants = [{ variant: 'on' }, { variant: 'off' }]
  const { port } = await startPiped(t, {}, [
    { use: 'ab', cookie: 'first', answer_header: 'X-First', variants },
    { use: 'ab', cookie: 'second', answer_header: 'X-Second', variants },
  ])
  for (const [first, second] of [
    ['on', 'off'],
    ['off', 'on'],
  ] as const) {
    const both = await request(port, 'GET', '/', { fields: { Cookie: `first=${first}; second=${second}` } })
    assert.deepEqual([both.field('x-first'), both.field('x-second')], [first, second])
    const one = await request(port, 'GET', '/', { fields: { Cookie: `first=${first}` } })
    assert.equal(one.field('x-first'), first)
    assert.deepEqual(one.field('set-cookie')?.split(';')[0], `second=${one.field('x-second')}`)
  }
})

test('nobody has the fields of another variant for having sent them', async (t) => {
  const port = await startAb(t, { cookie: 'v' })
  const ask = async (variant: string, name: string) =>
    (await request(port, 'GET', '/', { fields: { Cookie: `v=${variant}`, [name]: 'red' } })).text()
  assert.deepEqual([await ask('old', 'X-Colour'), await ask('old', 'X_Colour')], ['main  ', 'main  '])
  assert.equal(await ask('blue', 'X-Colour'), 'main blue ')
})

test('faults of the config: names, weights, services', () => {
  const faults = (variants: unknown) => saidOf({ use: 'ab', variants }).faults.join('\n')
  assert.match(faults([{ variant: 'a' }, { variant: 'A' }]), /there is a variant of this name before/)
  assert.match(faults([{ variant: 'a b' }, { variant: 'c' }]), /a variant is named by/)
  assert.match(
    faults([
      { variant: 'a', weight: 0 },
      { variant: 'b', weight: 0 },
    ]),
    /no variant has a weight/,
  )
  assert.match(faults([{ variant: 'a', service: 'nobody' }, { variant: 'b' }]), /there is no service "nobody"/)
  assert.match(faults([{ variant: 'a', headers: { Host: 'x' } }, { variant: 'b' }]), /the gateway sets host itself/)
  assert.notEqual(faults([{ variant: 'a' }]), '')
})
