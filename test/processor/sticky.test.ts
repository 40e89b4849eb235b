// Clients come back to the instance that they had, by a cookie of the gateway's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway, type TestGateway } from '../kit/gateway.js'
import { type Answer, request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { service } from './asserting.js'

const secret = Buffer.alloc(32, 7)

async function startTwo(t: Parameters<typeof startGateway>[0], more = {}) {
  const origins = await Promise.all(['a', 'b'].map((name) => startOrigin(t, (r) => r.answer(200, name))))
  const servers = origins.map(({ address }) => address)
  const config = service(servers, { balance: { sticky: { cookie: 'where' } }, ...more })
  return { servers, gateway: await startGateway(t, config, undefined, { stickySecret: secret }), config }
}

function cookieOf(answer: Answer): string {
  const [pair = ''] = (answer.field('set-cookie') ?? '').split(';')
  return pair
}

const ask = (gateway: TestGateway, Cookie?: string) =>
  request(gateway.port, 'GET', '/s', { fields: Cookie === undefined ? {} : { Cookie } })

test('a client gets a cookie that tells nothing, and with it the same instance again and again', async (t) => {
  const { gateway, servers } = await startTwo(t)
  const first = await ask(gateway)
  const cookie = cookieOf(first)
  assert.match(first.field('set-cookie') ?? '', /^where=[\w-]{16,}; .*HttpOnly/)
  for (const address of servers) assert.equal(cookie.includes(address), false)
  for (let i = 0; i < 10; i++) {
    const next = await ask(gateway, `x=1; ${cookie}`)
    assert.deepEqual([next.text(), next.field('set-cookie')], [first.text(), undefined])
  }
})

test('a client whose instance may take nothing gets another one, and a cookie for that', async (t) => {
  const { gateway, servers } = await startTwo(t)
  const first = await ask(gateway)
  const cookie = cookieOf(first)
  const had = servers[first.text() === 'a' ? 0 : 1] as string
  gateway.set({ [had]: { override: 'drain' } })
  const second = await ask(gateway, cookie)
  assert.notEqual(second.text(), first.text())
  const moved = cookieOf(second)
  assert.notEqual(moved, cookie)
  assert.equal((await ask(gateway, moved)).text(), second.text())
})

test('a forged cookie counts for none', async (t) => {
  const { gateway } = await startTwo(t)
  const answer = await ask(gateway, 'where=AAAAAAAAAAAAAAAAAAAAAA')
  assert.equal(answer.status, 200)
  assert.match(cookieOf(answer), /^where=/)
})

test('a second worker with the same secret knows the cookies of the first', async (t) => {
  const { gateway, config } = await startTwo(t)
  const other = await startGateway(t, config, undefined, { stickySecret: secret })
  const first = await ask(gateway)
  for (let i = 0; i < 6; i++) assert.equal((await ask(other, cookieOf(first))).text(), first.text())
})

test('a reload takes no client away from its instance', async (t) => {
  const { gateway } = await startTwo(t)
  const first = await ask(gateway)
  const { snapshot } = gateway.core.table
  const config = { ...gateway.config, services: gateway.config.services.map((service) => ({ ...service })) }
  assert.ok(gateway.reconfigure(config, { kind: 'whole', snapshot: { ...snapshot, seq: snapshot.seq + 1 } }))
  for (let i = 0; i < 6; i++) assert.equal((await ask(gateway, cookieOf(first))).text(), first.text())
})
