// drain, undrain, down, up: which instance is meant, what is said of it, and with which exit code.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { waitFor } from '../../kit/wait.js'
import {
  A,
  B,
  ORDERS,
  endpointOf,
  processorOf,
  reportOf,
  startApi,
  type ApiOptions,
  type TestApi,
} from '../../discovery/api/server.js'
import { run } from '../running.js'

/** An API beside a worker at whose instance A so many requests run. */
async function start(t: TestContext, inFlight: () => number, options: ApiOptions = {}): Promise<TestApi> {
  const api = await startApi(t, options)
  api.lifecycle.processorExpected = true
  api.lifecycle.processor = processorOf(() => {
    const { seq } = api.registry.current
    api.traffic.accept(reportOf({ endpoints: [endpointOf({ inFlight: inFlight() })], snapshot: { term: 7, seq } }))
    return Promise.resolve()
  })
  return api
}

const overrides = (api: TestApi) => api.registry.current.instances.map(({ override }) => override)

test('drain waits until nothing runs there, and says that it is safe to stop', async (t) => {
  let running = 1
  const api = await start(t, () => running)
  const draining = run(['drain', A, '--url', api.url])
  await waitFor(() => overrides(api)[0] === 'drain')
  running = 0
  const { out, err, code } = await draining
  assert.deepEqual([out, err, code], [`${A} takes no requests and none runs there: safe to stop\n`, '', 0])
})

test('when requests still run after the wait, drain says how many and fails', async (t) => {
  const api = await start(t, () => 2)
  const { out, err, code } = await run(['drain', A, '--wait', '1', '--url', api.url])
  assert.deepEqual([out, code], ['', 1])
  assert.equal(err, `after 1 s ${A} takes no new requests, but 2 requests still run there\n`)
  const json = await run(['drain', A, '--wait', '1', '--json', '--url', api.url])
  assert.deepEqual([(JSON.parse(json.out) as { state: string }).state, json.code], ['draining', 1])
})

test('drain --no-wait says what it sees and is content', async (t) => {
  const api = await start(t, () => 1)
  const { out, code } = await run(['drain', A, '--no-wait', '--url', api.url])
  assert.deepEqual([out, code], [`${A} takes no new requests, but 1 request still runs there\n`, 0])
})

test('an instance is meant by its id, its url as configured, or its host and port', async (t) => {
  const servers = ['http://127.0.0.1:9001/base', '127.0.0.1:9002', '127.0.0.1:9003/x', '127.0.0.1:9003/y']
  const other = { ...ORDERS, servers: ['127.0.0.1:9002'], apis: ['/other'] }
  const api = await start(t, () => 0, { document: { services: { orders: { ...ORDERS, servers }, other } } })
  const down = async (given: string) => {
    const { err, code } = await run(['down', given, '--url', api.url])
    const found = api.registry.current.instances.filter(({ override }) => override !== undefined).map(({ id }) => id)
    for (const id of found) api.registry.setOverride(id, undefined)
    api.registry.flush()
    return code === 0 ? found : err
  }
  const first = ['orders/127.0.0.1:9001/base']
  for (const given of [...first, 'http://127.0.0.1:9001/base', 'http://127.0.0.1:9001/base/', '127.0.0.1:9001']) {
    assert.deepEqual(await down(given), first, given)
  }
  assert.deepEqual(await down('127.0.0.1:9003/y'), ['orders/127.0.0.1:9003/y'])
  assert.deepEqual(await down('other/127.0.0.1:9002'), ['other/127.0.0.1:9002'])
  const several = (given: string, ...ids: string[]) =>
    `${given} may be any of these; name one by its id:\n${ids.join('\n')}\n`
  assert.equal(await down('127.0.0.1:9002'), several('127.0.0.1:9002', 'orders/127.0.0.1:9002', 'other/127.0.0.1:9002'))
  assert.equal(
    await down('127.0.0.1:9003'),
    several('127.0.0.1:9003', 'orders/127.0.0.1:9003/x', 'orders/127.0.0.1:9003/y'),
  )
  assert.match(String(await down('127.0.0.1:9009/base')), /answered 404: there is no such instance/)
  assert.match(String(await down('order/127.0.0.1:9002')), /404: .*; did you mean orders\/127\.0\.0\.1:9002\?/)
})

test('undrain, down and up say what holds now', async (t) => {
  const api = await start(t, () => 0)
  api.poll(A)
  const said = async (verb: string) => (await run([verb, A, '--url', api.url])).out
  assert.equal(await said('down'), `${A} is out of service\n`)
  assert.equal(await said('undrain'), `${A} is out of service\n`)
  assert.equal(await said('up'), `${A} may take requests; its health is up\n`)
  await said('drain')
  assert.equal(await said('undrain'), `${A} may take requests; its health is up\n`)
  const { out } = await run(['down', B, '--url', api.url])
  assert.equal(out, `${B} is out of service\n`)
  assert.match((await run(['status', '--url', api.url])).out, /9002 +unknown +out-of-service/)
})

test('the token comes from --token, else from the config, else from SERVERPY_TOKEN', async (t) => {
  const document = { discovery: { token: 'sesame' }, services: { orders: ORDERS } }
  const api = await start(t, () => 0, { document })
  const down = async (args: string[], env: Record<string, string> = {}) =>
    (await run(['down', A, '--url', api.url, ...args], { env })).code
  assert.equal((await run(['down', A, '--url', api.url])).err.includes('answered 401'), true)
  assert.deepEqual(overrides(api), [undefined, undefined])
  assert.equal(await down([], { SERVERPY_TOKEN: 'sesame' }), 0)
  assert.equal(await down(['--token', 'sesame'], { SERVERPY_TOKEN: 'wrong' }), 0)
  const path = mkdtempSync(join(tmpdir(), 'serverpy-cli-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  const file = join(path, 'services.json')
  writeFileSync(file, JSON.stringify({ version: 1, ...document }))
  assert.equal(await down(['-c', file], { SERVERPY_TOKEN: 'wrong' }), 0)
  assert.equal(await down(['-c', file, '--token', 'wrong']), 1)
})

test('a wait that cannot be is a wrong usage', async (t) => {
  const api = await start(t, () => 0)
  for (const wait of ['soon', '-1', '3601', '1.5']) {
    assert.match(
      (await run(['drain', A, '--wait', wait, '--url', api.url])).usage ?? '',
      /whole number of seconds/,
      wait,
    )
  }
  assert.match((await run(['drain', '--url', api.url])).usage ?? '', /missing required argument 'instance'/)
})
