// examples/resilience.yaml: which instance takes a request, and which failures a client never hears of.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startExample, echo, type Example } from './example.js'

const FILE = 'examples/resilience.yaml'

test('requests stay in their zone; the others help out when the instance there cannot', async (t) => {
  const { who, origin, gateway } = await startExample(t, FILE)
  for (let i = 0; i < 5; i++) assert.equal(await who('/orders'), 9101)
  await origin(9101).stop()
  assert.equal(await who('/orders'), 9102)
  gateway.set({ [origin(9101).address]: { health: 'down' }, [origin(9102).address]: { health: 'down' } })
  assert.equal(await who('/orders'), 9103)
})

test('an answer of 503, and one that is cut off, are fetched again elsewhere', async (t) => {
  const { who } = await startExample(t, FILE, (asked, of) => {
    if (of !== 9101) return echo(asked, of)
    if (asked.target === '/orders/busy') return asked.answer(503, 'busy')
    asked.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of')
    asked.reset()
  })
  assert.equal(await who('/orders/busy'), 9102)
  assert.equal(await who('/orders/cut'), 9102)
})

test('a payment is sent again where the client gives it a key, and never otherwise', async (t) => {
  const paid: string[] = []
  const pay = ({ ask }: Example, key?: string) =>
    ask('POST', '/orders/7/pay', key === undefined ? {} : { 'Idempotency-Key': key }, '{"sum":12}')
  const example = await startExample(t, FILE, async (asked, of) => {
    const body = String(await asked.body())
    paid.push(`${of} ${asked.field('Idempotency-Key') ?? '-'} ${body}`)
    if (of === 9101) asked.answer(503, 'busy')
    else asked.answer(200, 'paid')
  })
  assert.equal((await pay(example)).status, 503)
  assert.equal((await pay(example, 'k1')).text(), 'paid')
  assert.deepEqual(paid, ['9101 - {"sum":12}', '9101 k1 {"sum":12}', '9102 k1 {"sum":12}'])
})

test('a payment weighs more than what else is asked, and the report less', async (t) => {
  const { gateway } = await startExample(t, FILE)
  const importances = new Map(gateway.config.routes.map(({ match, importance }) => [match.path, importance]))
  assert.deepEqual([...importances].sort(), [
    ['/orders', 'normal'],
    ['/orders/report', 'low'],
    ['/orders/{id}/pay', 'high'],
  ])
})
