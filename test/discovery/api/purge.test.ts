// The purge of stored answers over the API, and by the command: who may, what is named, and what is said of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { purgeCommand } from '../../../cli/commands/purge.js'
import type { Terminal } from '../../../cli/commands/terminal.js'
import type { Purge, Purged } from '../../../shared/processor.js'
import { processorOf, startApi, type TestApi } from './server.js'

/** Notes what is purged. */
function purging(api: TestApi, purged: Purged = { answers: 3, workers: 2, silent: 0 }): Purge[] {
  const calls: Purge[] = []
  const purge = (what: Purge) => {
    calls.push(what)
    return Promise.resolve(purged)
  }
  api.lifecycle.processor = { ...processorOf(), purge }
  return calls
}

const query = (what: Record<string, string>) => `/api/v1/purge?${new URLSearchParams(what)}`

test('a URL, a beginning and all of it can be purged, and one of them at a time', async (t) => {
  const api = await startApi(t)
  const calls = purging(api)
  const answer = await api.fetch(query({ url: 'https://Example.org:8443/a?b=c' }), { method: 'POST' })
  assert.equal(answer.status, 200)
  assert.deepEqual(await answer.json(), { answers: 3, workers: 2, silent: 0 })
  await api.fetch(query({ prefix: 'http://example.org' }), { method: 'POST' })
  await api.fetch(query({ all: 'true' }), { method: 'POST' })
  assert.deepEqual(calls, [
    { kind: 'url', host: 'example.org:8443', target: '/a?b=c' },
    { kind: 'prefix', host: 'example.org', target: '/' },
    { kind: 'all' },
  ])
  const bad: readonly Record<string, string>[] = [
    {},
    { all: 'false' },
    { all: 'true', url: 'http://example.org/' },
    { url: 'example.org/a' },
    { url: 'http://user@example.org/' },
    { prefix: 'ftp://example.org/' },
    { uri: 'http://example.org/' },
  ]
  for (const what of bad) {
    assert.equal((await api.fetch(query(what), { method: 'POST' })).status, 400, JSON.stringify(what))
  }
  assert.equal(calls.length, 3)
})

test('a purge needs the token and a processor, and is no GET', async (t) => {
  const api = await startApi(t, { document: { discovery: { token: 'not-for-all' } } })
  const path = query({ all: 'true' })
  assert.equal((await api.fetch(path, { method: 'POST' })).status, 401)
  assert.equal((await api.fetch(path)).status, 405)
  const headers = { authorization: 'Bearer not-for-all' }
  api.lifecycle.processor = undefined
  assert.equal((await api.fetch(path, { method: 'POST', headers })).status, 503)
  const calls = purging(api)
  assert.equal((await api.fetch(path, { method: 'POST', headers })).status, 200)
  assert.deepEqual(calls, [{ kind: 'all' }])
})

async function run(api: TestApi, ...args: readonly string[]) {
  const result = { out: '', err: '', code: 0 }
  const terminal: Terminal = {
    env: {},
    out: (text) => void (result.out += text),
    err: (line) => void (result.err += `${line}\n`),
    exitWith: (code) => void (result.code = code),
    colours: false,
  }
  const program = new Command('serverpy').addCommand(purgeCommand(terminal).exitOverride())
  await program.parseAsync(['purge', '--url', api.url, ...args], { from: 'user' })
  return result
}

test('the command purges a URL, a beginning or all, and says how much has gone', async (t) => {
  const api = await startApi(t)
  const calls = purging(api)
  const url = 'http://example.org/a'
  assert.deepEqual(await run(api, url), { out: '3 stored answers thrown away in 2 workers\n', err: '', code: 0 })
  assert.equal((await run(api, '--json', '--prefix', url)).out, '{"answers":3,"workers":2,"silent":0}\n')
  await run(api, '--all')
  assert.deepEqual(
    calls.map(({ kind }) => kind),
    ['url', 'prefix', 'all'],
  )
  assert.equal((await run(api)).code, 2)
  assert.equal((await run(api, '--all', url)).code, 2)
  assert.equal((await run(api, 'example.org')).code, 1)
  assert.equal(calls.length, 3)
})

test('the command fails where a worker has not said that it is done', async (t) => {
  const api = await startApi(t)
  purging(api, { answers: 1, workers: 1, silent: 1 })
  const { out, err, code } = await run(api, '--all')
  assert.equal(out, '1 stored answer thrown away in 1 worker\n')
  assert.match(err, /not every worker/)
  assert.equal(code, 1)
})
