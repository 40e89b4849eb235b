// `krakend`: what is found near a path, at what cost, and the example.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { createNearPaths } from '../../../processor/pipes/near-paths.js'
import { startGateway, type TestConfig } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { ROOT } from '../../structure/sources.js'

const ALL = { slash: true, letters: true }

test('the path that was meant is found by its letters and its slash, with parameters as they came', () => {
  const { find } = createNearPaths(['/', '/users', '/users/{id}/Posts', '/{any}/x', '/USERS'])
  assert.equal(find('/Users', ALL), '/users')
  assert.equal(find('/users/', ALL), '/users')
  assert.equal(find('/uSers/AbC/posts/', ALL), '/users/AbC/Posts')
  assert.equal(find('/Other/X', ALL), '/Other/x')
  for (const path of ['/users', '/USERS', '/none', '/users//', '//users'])
    assert.equal(find(path, ALL), undefined, path)
})

test('what is not allowed is not looked for', () => {
  const { find } = createNearPaths(['/users'])
  assert.equal(find('/Users', { slash: true, letters: false }), undefined)
  assert.equal(find('/users/', { slash: true, letters: false }), '/users')
  assert.equal(find('/users/', { slash: false, letters: true }), undefined)
  assert.equal(find('/USERS', { slash: false, letters: true }), '/users')
})

test('a path that fits into very many others, and into none, is given up', () => {
  const paths: string[] = []
  // Each segment may be a word or a parameter: a search through all of them would take 2^20 steps.
  for (let i = 0; i < 2 ** 10; i++)
    paths.push(`/${Array.from({ length: 20 }, (_, n) => ((i >> (n % 10)) & 1 ? 'a' : `{p${n}}`)).join('/')}/z`)
  const { find } = createNearPaths(paths)
  const before = process.cpuUsage()
  for (let i = 0; i < 100; i++) assert.equal(find(`${'/A'.repeat(20)}/y`, ALL), undefined)
  const { user } = process.cpuUsage(before)
  assert.ok(user < 5_000_000, 'a hundred such searches are far from seconds of work')
  assert.equal(find('/a'.repeat(1000), ALL), undefined)
})

test('krakend.yaml redirects, says 404 as plain text, and tells that it is well', async (t) => {
  const origin = await startOrigin(t, (asked) => asked.answer(200, 'in'))
  const config = parse(readFileSync(join(ROOT, 'examples/pipes/krakend.yaml'), 'utf8')) as TestConfig & {
    services: Record<string, { servers: unknown }>
  }
  for (const service of Object.values(config.services)) service.servers = [origin.address]
  const { port } = await startGateway(t, config)
  const moved = await request(port, 'GET', '/USERS/')
  assert.deepEqual([moved.status, moved.field('Location')], [301, '/users'])
  const missing = await request(port, 'GET', '/nothing')
  assert.deepEqual(
    [missing.status, missing.text(), missing.field('Content-Type')],
    [404, '404 page not found', 'text/plain'],
  )
  assert.equal((await request(port, 'GET', '/users/1')).text(), 'in')
  assert.match((await request(port, 'GET', '/__health')).text(), /"status":"ok"/)
})

test('what an instance says is left as it is, failures and all', async (t) => {
  const origin = await startOrigin(t, (asked) =>
    asked.answer(404, 'mine', { 'Content-Type': 'application/problem+json' }),
  )
  const { port } = await startGateway(t, {
    processor: { pipes: [{ use: 'krakend' }] },
    services: { s: { servers: [origin.address], apis: ['/a'] } },
  })
  const answer = await request(port, 'GET', '/a')
  assert.deepEqual([answer.status, answer.text(), answer.field('X-Krakend-Completed')], [404, 'mine', undefined])
})
