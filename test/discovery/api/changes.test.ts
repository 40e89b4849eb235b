// The change stream: whole first, deltas after, beats in between, and bounded memory for whoever reads slowly.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { apply, type Change } from '../../../shared/registry/delta.js'
import { EMPTY_SNAPSHOT } from '../../../shared/registry/instance.js'
import { fakeClock } from '../../kit/clock.js'
import { waitFor } from '../../kit/wait.js'
import { A, B, ORDERS, startApi, type TestApi } from './server.js'

type Line = Change | { kind: 'beat' }

async function follow(t: TestContext, api: TestApi, query = '') {
  const request = get(`${api.url}/api/v1/snapshot/changes${query}`, { agent: false })
  t.after(() => request.destroy())
  request.on('error', () => undefined)
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 200)
  assert.equal(answer.headers['content-type'], 'application/x-ndjson')
  answer.on('error', () => undefined)
  const lines: Line[] = []
  createInterface({ input: answer })
    .on('line', (line) => lines.push(JSON.parse(line) as Line))
    .on('error', () => undefined)
  return { lines, answer }
}

test('a reader gets the registry whole and then what changes, which adds up to the registry', async (t) => {
  const api = await startApi(t)
  const { lines } = await follow(t, api)
  await waitFor(() => lines.length === 1)
  assert.deepEqual(lines[0], { kind: 'whole', snapshot: api.registry.current })
  api.poll(A)
  await waitFor(() => lines.length === 2)
  api.registry.setOverride(B, 'drain')
  api.registry.flush()
  await waitFor(() => lines.length === 3)
  const delta = lines[2]
  assert.ok(delta?.kind === 'delta')
  assert.deepEqual(
    delta.put.map(({ id, override }) => [id, override]),
    [[B, 'drain']],
  )
  let held = EMPTY_SNAPSHOT
  for (const line of lines) {
    if (line.kind === 'beat') continue
    const next = apply(held, line)
    assert.ok(next, 'a line did not follow on the one before')
    held = next
  }
  assert.deepEqual(held, api.registry.current)
})

test('whoever holds the current snapshot is not sent it again', async (t) => {
  const api = await startApi(t)
  const { term, seq } = api.registry.current
  const current = await follow(t, api, `?term=${term}&seq=${seq}`)
  const older = await follow(t, api, `?term=${term}&seq=${seq - 1}`)
  const other = await follow(t, api, `?term=${term + 1}&seq=${seq}`)
  await waitFor(() => current.lines.length > 0 && older.lines.length > 0 && other.lines.length > 0)
  assert.deepEqual(current.lines, [{ kind: 'beat' }])
  assert.equal(older.lines[0]?.kind, 'whole')
  assert.equal(other.lines[0]?.kind, 'whole')
  api.poll(A)
  await waitFor(() => current.lines.length === 2)
  assert.equal(current.lines[1]?.kind, 'delta')
})

test('every five seconds without a change there is a beat', async (t) => {
  const clock = fakeClock()
  const api = await startApi(t, { clock })
  const { lines } = await follow(t, api)
  await waitFor(() => lines.length === 1)
  await clock.advance(4_999)
  await clock.advance(1)
  await waitFor(() => lines.length === 2)
  await clock.advance(5_000)
  await waitFor(() => lines.length === 3)
  assert.deepEqual(lines.slice(1), [{ kind: 'beat' }, { kind: 'beat' }])
})

const CROWD = {
  services: {
    orders: {
      ...ORDERS,
      servers: Array.from({ length: 4000 }, (_, i) => `127.0.0.1:${10_000 + i}`),
    },
  },
}

/** A reader that asks for the stream and reads nothing of it until it is resumed. */
function stalled(t: TestContext, api: TestApi) {
  const socket = connect(api.port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.pause()
  socket.write('GET /api/v1/snapshot/changes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  return { socket, text: () => text }
}

/** 40 changes of half the crowd each, some 25 MB as deltas. */
async function churn(api: TestApi): Promise<void> {
  for (let i = 0; i < 40; i++) {
    for (const [k, { id }] of api.registry.current.instances.entries()) {
      if (k % 2 === i % 2) api.registry.setOverride(id, i % 4 < 2 ? 'drain' : 'out-of-service')
    }
    api.registry.flush()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a reader that stalls is owed one line and no queue: reading on, it jumps to the newest snapshot', async (t) => {
  const api = await startApi(t, { document: CROWD })
  const { socket, text } = stalled(t, api)
  await churn(api)
  socket.resume()
  const { seq } = api.registry.current
  await waitFor(() => text().includes(`"seq":${seq},`), { what: 'the newest snapshot' })
  const whole = JSON.stringify(api.registry.current).length
  assert.ok(text().length < 8 * whole, `${text().length} bytes had been kept for it`)
})

test('a reader that takes nothing for half a minute is cut off', async (t) => {
  const clock = fakeClock()
  const api = await startApi(t, { clock, document: CROWD })
  const { socket } = stalled(t, api)
  // Beside the beat: the timer that a full socket starts.
  await waitFor(async () => {
    await churn(api)
    return clock.pending > 1
  })
  await clock.advance(30_000)
  socket.resume()
  await once(socket, 'close')
})

test('a reader that leaves is forgotten, and others read on', async (t) => {
  const api = await startApi(t)
  const leaving = await follow(t, api)
  const staying = await follow(t, api)
  await waitFor(() => leaving.lines.length === 1 && staying.lines.length === 1)
  leaving.answer.destroy()
  await once(leaving.answer, 'close')
  api.poll(A)
  await waitFor(() => staying.lines.length === 2)
})

test('the end of the server ends every stream', async (t) => {
  const api = await startApi(t)
  const { lines, answer } = await follow(t, api)
  await waitFor(() => lines.length === 1)
  const ended = once(answer, 'close')
  await api.close()
  await ended
})
