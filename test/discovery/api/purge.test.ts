// The purge of stored answers over the API, and by the command: who may, what is named, and what is said of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { purgeCommand } from '../../../cli/commands/purge.js'
import type { Terminal } from '../../../cli/commands/terminal.js'
import { connectRegistry } from '../../../processor/supervisor/remote-registry.js'
import { systemClock } from '../../../shared/clock.js'
import { silentLog } from '../../../shared/log.js'
import type { Purge, Purged } from '../../../shared/processor.js'
import { waitFor } from '../../kit/wait.js'
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
  assert.deepEqual(await answer.json(), { answers: 3, workers: 2, silent: 0, elsewhere: 0 })
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
    { url: 'http://example.org/a\u0000' },
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

test('processors that run apart are told, also of what was purged while they were away', async (t) => {
  const api = await startApi(t)
  const purge = (what: Record<string, string>) => api.fetch(query(what), { method: 'POST' })
  const heard: Purge[] = []
  const follow = () => {
    const link = {
      clock: systemClock,
      log: silentLog,
      random: () => 0,
      onPurge: (what: Purge) => void heard.push(what),
    }
    return connectRegistry(api.url, link)
  }
  // None is there, and none has been.
  assert.equal((await purge({ all: 'true' })).status, 503)
  const remote = follow()
  t.after(() => remote.close())
  await waitFor(async () => (await purge({ url: 'http://a/1' })).status === 200)
  const reader = follow()
  await waitFor(() => heard.length === 1)
  await waitFor(async () => {
    const answer = (await (await purge({ prefix: 'http://a/2?q=%20' })).json()) as Purged & { elsewhere: number }
    return answer.elsewhere === 2 && answer.workers === 0
  })
  reader.close()
  await waitFor(() => heard.filter(({ kind }) => kind === 'prefix').length >= 2)
  assert.deepEqual(heard[0], { kind: 'url', host: 'a', target: '/1' })
  assert.deepEqual(heard.at(-1), { kind: 'prefix', host: 'a', target: '/2?q=%20' })
})

test('who comes back to the stream hears of the purges since, and of everything where that is too long ago', async (t) => {
  const api = await startApi(t)
  purging(api)
  const first = async (purges: number): Promise<unknown> => {
    const { term, seq } = api.registry.current
    const answer = await api.fetch(`/api/v1/snapshot/changes?term=${term}&seq=${seq}&purges=${purges}`)
    const reader = answer.body?.getReader()
    let text = ''
    while (!/purged.*\n/.test(text)) text += Buffer.from((await reader?.read())?.value ?? '').toString()
    await reader?.cancel()
    return JSON.parse(text.split('\n').find((line) => line.includes('purged')) ?? '')
  }
  const { number: start } = (await first(0)) as { number: number }
  assert.deepEqual(await first(0), { kind: 'purged', number: start, purges: [] })
  for (const path of ['a', 'b', 'c']) await api.fetch(query({ url: `http://h/${path}` }), { method: 'POST' })
  const urls = ['/b', '/c'].map((target) => ({ kind: 'url', host: 'h', target }))
  assert.deepEqual(await first(start + 1), { kind: 'purged', number: start + 3, purges: urls })
  assert.deepEqual(await first(start + 3), { kind: 'purged', number: start + 3, purges: [] })
  // Numbers of another life of the discovery server mean nothing here.
  assert.deepEqual(await first(start - 1), { kind: 'purged', number: start + 3, purges: [] })
  for (let n = 0; n < 100; n++) await api.fetch(query({ url: `http://h/${n}` }), { method: 'POST' })
  assert.deepEqual(await first(start + 1), { kind: 'purged', number: start + 103, purges: [{ kind: 'all' }] })
})

test('what is purged is told only to those who may purge', async (t) => {
  const api = await startApi(t, { document: { discovery: { token: 'not-for-all' } } })
  const link = { clock: systemClock, log: silentLog, random: () => 0, onPurge: () => undefined }
  const stranger = connectRegistry(api.url, link)
  t.after(() => stranger.close())
  await waitFor(() => stranger.current.term === api.registry.current.term)
  const path = query({ all: 'true' })
  const headers = { authorization: 'Bearer not-for-all' }
  assert.equal((await api.fetch(path, { method: 'POST', headers })).status, 503)
  const known = connectRegistry(api.url, { ...link, token: 'not-for-all' })
  t.after(() => known.close())
  await waitFor(async () => (await api.fetch(path, { method: 'POST', headers })).status === 200)
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
  assert.equal((await run(api, '--json', '--prefix', url)).out, '{"answers":3,"workers":2,"silent":0,"elsewhere":0}\n')
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
