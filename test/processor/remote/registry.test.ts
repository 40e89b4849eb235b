// The remote registry: follows the change stream through restarts, silence and nonsense, and never forgets what it knew.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { parseChangeLine } from '../../../processor/supervisor/change-line.js'
import { connectRegistry, type RemoteRegistry } from '../../../processor/supervisor/remote-registry.js'
import { systemClock, type Clock } from '../../../shared/clock.js'
import { silentLog, type Log } from '../../../shared/log.js'
import type { Instance, Snapshot } from '../../../shared/registry/instance.js'
import { fakeClock } from '../../kit/clock.js'
import { waitFor } from '../../kit/wait.js'
import { A, B, startApi } from '../../discovery/api/server.js'

function follow(t: TestContext, url: string, deps: { clock?: Clock; log?: Log } = {}): RemoteRegistry {
  const registry = connectRegistry(url, { clock: systemClock, log: silentLog, random: () => 0, ...deps })
  t.after(() => registry.close())
  return registry
}

const ONE: Instance = {
  id: A,
  service: 'orders',
  url: '127.0.0.1:9001',
  secure: false,
  host: '127.0.0.1',
  port: 9001,
  basePath: '',
  priority: 'unset',
  weight: 1,
  metadata: {},
  health: 'up',
  since: 5,
}

const snapshot = (term: number, seq: number, instances: readonly Instance[] = [ONE]): Snapshot => ({
  term,
  seq,
  instances,
})
const whole = (s: Snapshot) => `${JSON.stringify({ kind: 'whole', snapshot: s })}\n`
const delta = (patch: object) =>
  `${JSON.stringify({ kind: 'delta', term: 1, seq: 2, base: 1, put: [], gone: [], ...patch })}\n`

/** A discovery server that does as told; `asked` holds the targets of the requests so far. */
async function scripted(t: TestContext, handler: (res: ServerResponse, attempt: number, req: IncomingMessage) => void) {
  const asked: string[] = []
  const server = createServer((req, res) => {
    asked.push(req.url ?? '')
    handler(res, asked.length, req)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

test('it holds what the registry holds, and hears of each change', async (t) => {
  const api = await startApi(t)
  const remote = follow(t, api.url)
  const heard: Snapshot[] = []
  const end = remote.subscribe((next) => heard.push(next))
  assert.equal(remote.current.term, 0)
  assert.equal(remote.ageMs(), Infinity)
  await waitFor(() => remote.current.seq === api.registry.current.seq && remote.current.term === 7)
  assert.deepEqual(remote.current, api.registry.current)
  assert.ok(remote.ageMs() < 5000)
  api.poll(B)
  await waitFor(() => remote.current.seq === api.registry.current.seq)
  assert.deepEqual(remote.current, api.registry.current)
  assert.deepEqual(heard.at(-1), api.registry.current)
  end()
  const before = heard.length
  api.poll(A)
  await waitFor(() => remote.current.seq === api.registry.current.seq)
  assert.equal(heard.length, before)
})

test('while discovery is away the last snapshot stays and ages; what comes back in a new term replaces it', async (t) => {
  let open: ServerResponse | undefined
  let term = 100
  let away = false
  const { url } = await scripted(t, (res) => {
    open = res
    if (away) res.destroy()
    else res.write(whole(snapshot(term, 9)))
  })
  const remote = follow(t, url)
  await waitFor(() => remote.current.term === 100)
  away = true
  open?.destroy()
  await waitFor(() => remote.ageMs() > 50)
  assert.equal(remote.current.instances.length, 1)
  // A registry that lost its count begins below the old one.
  term = 3
  away = false
  await waitFor(() => remote.current.term === 3)
  assert.ok(remote.ageMs() < 5000)
})

test('a reconnection names what is held, so that it is not sent again', async (t) => {
  const { url, asked } = await scripted(t, (res, attempt) => {
    if (attempt > 1) res.write('{"kind":"beat"}\n')
    else res.end(whole(snapshot(1, 4)))
  })
  const remote = follow(t, url)
  await waitFor(() => asked.length === 2)
  assert.deepEqual(asked, ['/api/v1/snapshot/changes', '/api/v1/snapshot/changes?term=1&seq=4'])
  assert.equal(remote.current.seq, 4)
})

for (const [what, line] of [
  ['a delta that does not follow', delta({ base: 7 })],
  ['a delta of another term', delta({ term: 2 })],
  ['no JSON', 'oops\n'],
  ['an unknown kind', '{"kind":"news"}\n'],
  ['an instance that cannot be', delta({ put: [{ ...ONE, port: 0 }] })],
] as const) {
  test(`after ${what} it asks for the whole anew`, async (t) => {
    const { url, asked } = await scripted(t, (res, attempt) => {
      res.write(whole(snapshot(1, attempt)))
      if (attempt === 1) res.write(line)
    })
    const remote = follow(t, url)
    await waitFor(() => remote.current.seq === 2)
    assert.deepEqual(asked, ['/api/v1/snapshot/changes', '/api/v1/snapshot/changes'])
  })
}

test('lines that come in pieces, and pieces with several lines, are read as lines', async (t) => {
  const text =
    whole(snapshot(1, 1)) +
    delta({ put: [{ ...ONE, id: B, metadata: { name: 'ü' } }] }) +
    delta({ base: 2, seq: 3, gone: [A] })
  const bytes = Buffer.from(text)
  const { url } = await scripted(t, (res) => {
    res.flushHeaders()
    void (async () => {
      for (let at = 0; at < bytes.length; at += 97) {
        res.write(bytes.subarray(at, at + 97))
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
  })
  const remote = follow(t, url)
  await waitFor(() => remote.current.seq === 3)
  assert.deepEqual(
    remote.current.instances.map(({ id, metadata }) => [id, metadata.name]),
    [[B, 'ü']],
  )
})

test('a stream without a beat for 15 seconds is dead and is opened again', async (t) => {
  const clock = fakeClock()
  const { url, asked } = await scripted(t, (res) => res.write(whole(snapshot(1, 1))))
  const remote = follow(t, url, { clock })
  await waitFor(() => remote.current.seq === 1)
  await clock.advance(14_999)
  assert.equal(asked.length, 1)
  await clock.advance(1)
  assert.equal(remote.ageMs(), 15_000)
  await clock.advance(100)
  await waitFor(() => asked.length === 2)
})

test('a server that accepts and never answers is given up after 15 seconds', async (t) => {
  const clock = fakeClock()
  const { url, asked } = await scripted(t, () => undefined)
  follow(t, url, { clock })
  await waitFor(() => asked.length === 1)
  await clock.advance(15_000)
  await clock.advance(100)
  await waitFor(() => asked.length === 2)
})

test('tries get rarer while nobody is there, up to five seconds, and the trouble is logged once', async (t) => {
  const clock = fakeClock()
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (_fields, message) => warnings.push(message) }
  const { url, asked } = await scripted(t, (res) => res.writeHead(503).end())
  follow(t, url, { clock, log })
  const pauses: number[] = []
  for (let i = 1; i <= 9; i++) {
    await waitFor(() => asked.length === i && clock.pending === 1)
    // With a random number of 0 the pause is half of its ceiling.
    let ms = 0
    while (asked.length === i) {
      await clock.advance(50)
      ms += 50
    }
    pauses.push(ms)
  }
  assert.deepEqual(pauses.slice(0, 4), [50, 100, 200, 400])
  assert.equal(pauses.at(-1), 2500)
  assert.equal(warnings.length, 1)
})

test('the token goes along, and redirects are not followed', async (t) => {
  let authorization: string | undefined
  const elsewhere = await scripted(t, (res) => res.end())
  const { url } = await scripted(t, (res, _attempt, req) => {
    authorization = req.headers.authorization
    res.writeHead(302, { location: elsewhere.url }).end()
  })
  const registry = connectRegistry(url, { clock: systemClock, log: silentLog, token: 'sesame' })
  t.after(() => registry.close())
  await waitFor(() => authorization)
  assert.equal(authorization, 'Bearer sesame')
  assert.deepEqual(elsewhere.asked, [])
})

test('a listener that throws harms neither the others nor the stream', async (t) => {
  const api = await startApi(t)
  const remote = follow(t, api.url)
  remote.subscribe(() => {
    throw new Error('a listener')
  })
  let heard = 0
  remote.subscribe(() => heard++)
  await waitFor(() => heard === 1)
  api.poll(A)
  await waitFor(() => heard === 2)
})

test('what is no http URL is refused at once', () => {
  for (const url of ['ftp://x/', 'localhost:8008', '']) {
    assert.throws(() => connectRegistry(url, { clock: systemClock, log: silentLog }), TypeError, url)
  }
})

test('each member of an instance on the wire is checked', () => {
  const line = (patch: object) => JSON.stringify({ kind: 'whole', snapshot: snapshot(1, 1, [{ ...ONE, ...patch }]) })
  const good = parseChangeLine(line({ zone: 'z', override: 'drain', unknown: 1 }))
  assert.deepEqual(good, { kind: 'whole', snapshot: snapshot(1, 1, [{ ...ONE, zone: 'z', override: 'drain' }]) })
  const bad = [
    { id: 5 },
    { host: 'a\r\nb' },
    { basePath: '/x HTTP/1.1\r\n' },
    { url: 'x'.repeat(5000) },
    { port: 70_000 },
    { port: '80' },
    { secure: 'no' },
    { priority: 'purple' },
    { weight: -1 },
    { health: 'fine' },
    { override: 'off' },
    { metadata: { a: 1 } },
    { metadata: [] },
    { zone: 1 },
    { since: null },
  ]
  for (const patch of bad) assert.throws(() => parseChangeLine(line(patch)), Error, JSON.stringify(patch))
  for (const text of [
    '',
    '[]',
    'null',
    '5',
    '{"kind":"whole"}',
    '{"kind":"delta","term":1,"seq":1,"base":0,"put":{},"gone":[]}',
  ]) {
    assert.throws(() => parseChangeLine(text), Error, text)
  }
})
