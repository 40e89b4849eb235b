// /dump: one file that is whole at every moment, and what /stats?packets=all says.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { StoreUnavailable } from '../../../discovery/store/store.js'
import { waitFor } from '../../kit/wait.js'
import { A, ORDERS, startApi, type ApiOptions } from './server.js'

interface Dumped {
  generated_at: string
  service_statistics: { stats_packets: unknown[] }[]
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'serverpy-dump-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function withDump(file: string, more: Record<string, unknown> = {}): ApiOptions {
  return { document: { discovery: { dump_file: file, ...more }, services: { orders: ORDERS } } }
}

test('the file holds what /stats?packets=all says', async (t) => {
  const file = join(folder(t), 'file.dump')
  const api = await startApi(t, withDump(file))
  for (let i = 0; i < 250; i++) api.poll(A, { latencyMs: i })
  assert.deepEqual(await api.json('/dump'), { status: 'Success' })
  const dumped = JSON.parse(readFileSync(file, 'utf8')) as Dumped
  const stats = await api.json<Dumped>('/stats?packets=all')
  assert.equal(dumped.service_statistics[0]?.stats_packets.length, 250)
  assert.deepEqual({ ...dumped, generated_at: '' }, { ...stats, generated_at: '' })
})

test('whoever reads the file while it is replaced again and again always finds it whole', async (t) => {
  const path = folder(t)
  const file = join(path, 'file.dump')
  const api = await startApi(t, withDump(file))
  for (let i = 0; i < 500; i++) api.poll(A)
  await api.json('/dump')
  let writing = true
  const writer = (async () => {
    for (let i = 0; i < 20; i++) await api.json('/dump')
    writing = false
  })()
  let reads = 0
  while (writing) {
    const dumped = JSON.parse(readFileSync(file, 'utf8')) as Dumped
    assert.equal(dumped.service_statistics[0]?.stats_packets.length, 500)
    reads++
    await new Promise((resolve) => setImmediate(resolve))
  }
  await writer
  assert.ok(reads > 20)
  assert.deepEqual(readdirSync(path), ['file.dump'])
})

test('callers at the same time share one write', async (t) => {
  const file = join(folder(t), 'file.dump')
  let reads = 0
  const api = await startApi(t, {
    ...withDump(file),
    store: (store) => ({
      ...store,
      health: () => store.health(),
      history: {
        ...store.history,
        packets: (instance, page) => {
          reads++
          return store.history.packets(instance, page)
        },
      },
    }),
  })
  const answers = await Promise.all(Array.from({ length: 5 }, () => api.json('/dump')))
  assert.deepEqual(answers, new Array(5).fill({ status: 'Success' }))
  // Two instances, one page each: five writes would have read ten.
  assert.equal(reads, 2)
})

test('a dump that fails says why, leaves the old file as it was and nothing beside it', async (t) => {
  const path = folder(t)
  const file = join(path, 'file.dump')
  writeFileSync(file, 'old')
  const api = await startApi(t, withDump(file))
  const whole = api.registry.statuses.bind(api.registry)
  api.registry.statuses = () => {
    throw new Error('the middle of the write')
  }
  assert.equal((await api.fetch('/dump')).status, 500)
  assert.equal(readFileSync(file, 'utf8'), 'old')
  assert.deepEqual(readdirSync(path), ['file.dump'])
  api.registry.statuses = whole
  await api.json('/dump')
  assert.notEqual(readFileSync(file, 'utf8'), 'old')
})

test('a folder that is not there is a 500 that says so without naming the path', async (t) => {
  const path = folder(t)
  const api = await startApi(t, withDump(join(path, 'gone', 'file.dump')))
  const answer = await api.fetch('/dump')
  assert.equal(answer.status, 500)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  const { detail } = (await answer.json()) as { detail: string }
  assert.match(detail, /ENOENT/)
  assert.ok(!detail.includes(path))
})

test('HEAD writes nothing', async (t) => {
  const path = folder(t)
  const api = await startApi(t, withDump(join(path, 'file.dump')))
  assert.equal((await api.fetch('/dump', { method: 'HEAD' })).status, 200)
  assert.deepEqual(readdirSync(path), [])
})

test('a schedule writes the file unasked', async (t) => {
  const path = folder(t)
  await startApi(t, withDump(join(path, 'file.dump'), { dump_schedule: '* * * * * *' }))
  await waitFor(() => readdirSync(path).includes('file.dump'))
})

test('a store that cannot be read makes the dump fail, and the file that is there is kept', async (t) => {
  const path = folder(t)
  const file = join(path, 'file.dump')
  writeFileSync(file, 'old')
  const api = await startApi(t, {
    ...withDump(file),
    store: (store) => ({
      ...store,
      health: () => store.health(),
      history: { ...store.history, packets: () => Promise.reject(new StoreUnavailable('the disk, /mnt/x, is full')) },
    }),
  })
  const answer = await api.fetch('/dump')
  assert.equal(answer.status, 500)
  const { detail } = (await answer.json()) as { detail: string }
  assert.match(detail, /the dump cannot be written: the store cannot be read$/)
  assert.equal(readFileSync(file, 'utf8'), 'old')
  assert.deepEqual(readdirSync(path), ['file.dump'])
})

test('what a killed process left half written is removed by the next one, and nothing else', async (t) => {
  const path = folder(t)
  const id = '0b7f3f0e-3a55-4a52-9f0c-6f2c8a1f5d11'
  const others = [`.other.dump.${id}.part`, '.file.dump.mine.part', `file.dump.${id}.part`]
  for (const name of [`.file.dump.${id}.part`, ...others]) writeFileSync(join(path, name), 'half')
  await startApi(t, withDump(join(path, 'file.dump')))
  await waitFor(() => !readdirSync(path).includes(`.file.dump.${id}.part`))
  assert.deepEqual(readdirSync(path).sort(), [...others].sort())
})
