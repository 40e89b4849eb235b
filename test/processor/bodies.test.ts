// Bodies of all sizes arrive whole and once, whatever becomes of the first try, and nothing of them stays behind.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway, type TestGateway } from '../kit/gateway.js'
import { request } from '../kit/http.js'
import { type Origin, type OriginRequest, startOrigin } from '../kit/origin.js'
import { freePort } from '../kit/ports.js'
import type { Cleanup } from '../kit/process.js'
import { waitFor } from '../kit/wait.js'
import { service } from './asserting.js'

/** Bytes among which no piece can be taken for another. */
function contentOf(bytes: number): Buffer {
  const content = Buffer.alloc(bytes)
  for (let i = 0; i < bytes; i += 4) content.writeUInt32LE((i * 2654435761) >>> 0, i)
  return content
}

/** Says whether a body has arrived as it was sent. */
function comparing(t: Cleanup, content: Buffer): Promise<Origin> {
  return startOrigin(t, async (r) => {
    const body = await r.body()
    r.answer(200, body.equals(content) ? 'same' : `other: ${body.length} bytes`)
  })
}

async function assertNothingLeft(gateway: TestGateway): Promise<void> {
  await waitFor(() => gateway.core.inFlight === 0)
  const live = gateway.services.get('s')
  const left = [...gateway.endpoints.values()].map(({ inFlight }) => inFlight)
  assert.deepEqual([left.filter((n) => n !== 0), live?.inFlight, live?.waiting], [[], 0, 0])
}

const CASES = ['PUT', 'POST'].flatMap((method) =>
  [10_000, 60_000, 300_000, 3_000_000].flatMap((size) =>
    [16, 4096].map((kept) => ({
      method,
      size,
      retry: { body: kept * 1024 },
      name: `${method} of ${size}, ${kept} KiB kept`,
    })),
  ),
)

for (const { method, size, retry, name } of CASES) {
  const content = contentOf(size)

  test(`${name}: the first instance refuses`, async (t) => {
    const good = await comparing(t, content)
    const servers = [{ url: `127.0.0.1:${await freePort()}`, priority: 'high' }, good.address]
    const gateway = await startGateway(t, service(servers, { retry }))
    for (let i = 0; i < 2; i++)
      assert.equal((await request(gateway.port, method, '/s', { body: content })).text(), 'same')
    await assertNothingLeft(gateway)
  })

  test(`${name}: it has to wait for its place`, async (t) => {
    const held: OriginRequest[] = []
    const good = await startOrigin(t, async (r) => {
      if (r.method === 'GET') return held.push(r)
      const body = await r.body()
      return r.answer(200, body.equals(content) ? 'same' : 'other')
    })
    const concurrency = { instance: 1, queue: 10, queue_time: '20s' }
    const gateway = await startGateway(t, service(good.address, { retry, concurrency }))
    const first = request(gateway.port, 'GET', '/s')
    await waitFor(() => held.length === 1)
    const all = [1, 2, 3].map(() => request(gateway.port, method, '/s', { body: content }))
    await waitFor(() => gateway.services.get('s')?.waiting === 3)
    // Others use the buffer that all reads share.
    await request(gateway.port, 'GET', '/other', { fields: { x: 'y'.repeat(20_000) } })
    held[0]?.answer(200)
    for (const answer of await Promise.all(all)) assert.equal(answer.text(), 'same')
    assert.equal((await first).status, 200)
    await assertNothingLeft(gateway)
  })
}

test('a client is not cut off for being silent while its request waits and nobody reads', async (t) => {
  const held: OriginRequest[] = []
  const origin = await startOrigin(t, async (r) => {
    if (r.method === 'GET') return held.push(r)
    return r.answer(200, await r.body())
  })
  const concurrency = { instance: 1, queue: 10, queue_time: '20s' }
  const processor = { timeouts: { idle: '100ms' } }
  const gateway = await startGateway(t, {
    ...service(origin.address, { concurrency, timeout: { idle: '20s' } }),
    processor,
  })
  const first = request(gateway.port, 'GET', '/s')
  await waitFor(() => held.length === 1)
  const body = contentOf(3_000_000)
  const waiting = request(gateway.port, 'PUT', '/s', { body })
  await waitFor(() => gateway.services.get('s')?.waiting === 1)
  // Far longer than a client may be silent.
  const until = performance.now() + 500
  await waitFor(() => performance.now() > until)
  held[0]?.answer(200)
  assert.equal((await first).status, 200)
  assert.equal((await waiting).body.equals(body), true)
})
