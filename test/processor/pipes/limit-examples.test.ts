// The examples of limits and listeners, run as they are but for the addresses of their instances.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { parseConfig } from '../../../shared/config/parse.js'
import { startGateway, type TestConfig } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { type OriginRequest, startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { waitFor } from '../../kit/wait.js'
import { ROOT } from '../../structure/sources.js'

type Example = TestConfig & { services: Record<string, { servers: unknown }> }

async function startExample(t: Cleanup, name: string) {
  const file = join(ROOT, 'examples', name)
  const text = readFileSync(file, 'utf8')
  const parsed = parseConfig(text, file, {})
  assert.ok(parsed.ok, JSON.stringify(parsed))
  assert.deepEqual(parsed.warnings, [])
  const waiting: OriginRequest[] = []
  const origin = await startOrigin(t, (asked) => {
    if (asked.target.includes('report')) waiting.push(asked)
    else asked.answer(200, 'in')
  })
  const config = parse(text) as Example
  for (const service of Object.values(config.services)) service.servers = [origin.address]
  return { waiting, ...(await startGateway(t, config)) }
}

test('rate-limit.yaml lets five searches of one client pass, and says what is left', async (t) => {
  const { port } = await startExample(t, 'pipes/rate-limit.yaml')
  const answers = await Promise.all(Array.from({ length: 30 }, () => request(port, 'GET', '/orders/search?q=a')))
  const refused = answers.filter(({ status }) => status === 429)
  assert.ok(refused.length >= 1, 'more than five at once are too many')
  for (const answer of refused) assert.equal(answer.field('Retry-After'), '1')
  for (const answer of answers) assert.equal(answer.field('RateLimit-Limit'), '5')
  assert.equal((await request(port, 'GET', '/orders/1')).field('RateLimit-Limit'), undefined)
})

test('concurrency.yaml lets two reports run, ten wait, and refuses the next', async (t) => {
  const { port, core, waiting } = await startExample(t, 'pipes/concurrency.yaml')
  const running = Array.from({ length: 12 }, () => request(port, 'GET', '/orders/report', { timeoutMs: 20_000 }))
  await waitFor(() => core.inFlight === 12 && waiting.length === 2)
  assert.equal((await request(port, 'GET', '/orders/report')).status, 503)
  assert.equal((await request(port, 'GET', '/orders/1')).status, 200)
  // Whoever waits longer than four seconds is refused.
  for (const one of waiting.splice(0)) one.answer(200, 'a report')
  const answering = setInterval(() => {
    for (const one of waiting.splice(0)) one.answer(200, 'a report')
  }, 5)
  t.after(() => clearInterval(answering))
  const statuses = (await Promise.all(running)).map(({ status }) => status)
  assert.ok(statuses.every((status) => status === 200 || status === 503))
  assert.ok(statuses.filter((status) => status === 200).length >= 2)
})

test('listeners.yaml opens three ports, and each does its own', async (t) => {
  const { port, ports } = await startExample(t, 'listeners.yaml')
  const ask = async (at: number | undefined, path: string) => (await request(at ?? 0, 'GET', path)).status
  assert.deepEqual(Object.keys(ports), ['admin', 'users', 'raw'])
  assert.deepEqual([await ask(port, '/orders'), await ask(port, '/health')], [200, 404])
  assert.deepEqual([await ask(ports['admin'], '/health'), await ask(ports['admin'], '/orders')], [200, 404])
  assert.equal(await ask(ports['users'], '/any/path'), 200)
  assert.equal(await ask(ports['raw'], '/what/the/instance/knows'), 200)
})
