// The contract of a store as tests, run over every engine.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import {
  BadCursor,
  type Packet,
  type Page,
  type PageRequest,
  type RegistryEvent,
  type Store,
} from '../../discovery/store/store.js'
import { LATENCY_BUCKETS, bucketOf } from '../../shared/metrics/histogram.js'
import type { RequestRecord, TrafficCount } from '../../shared/metrics/report.js'

const NOON = Date.UTC(2026, 0, 15, 12)
const MINUTE = 60_000
const HOUR = 3_600_000

export function packetOf(n: number, instance = 'orders/a:1', rest: Partial<Packet> = {}): Packet {
  const at = NOON + n * 1000
  return {
    instance,
    startedAt: at,
    endedAt: at + 7,
    status: 'active',
    response: `HTTP 200 (${n})`,
    latencyMs: 6.25,
    tries: 1,
    ...rest,
  }
}

export function recordOf(n: number, rest: Partial<RequestRecord> = {}): RequestRecord {
  return {
    at: NOON + n,
    id: `request-${n}`,
    service: 'orders',
    instance: 'orders/a:1',
    route: 'orders:/orders',
    method: 'GET',
    path: `/orders/${n}`,
    status: 200,
    durationMs: 1.5,
    attempts: 1,
    bytesIn: 10,
    bytesOut: 2 ** 40,
    error: '',
    client: '127.0.0.1',
    ...rest,
  }
}

export function countOf(rest: Partial<TrafficCount> = {}): TrafficCount {
  const buckets = Array<number>(LATENCY_BUCKETS).fill(0)
  buckets[bucketOf(3)] = 2
  return {
    service: 'orders',
    instance: 'orders/a:1',
    requests: 2,
    errors: 1,
    classes: [0, 0, 1, 0, 0, 1],
    latencySumMs: 5.5,
    latencyMaxMs: 3,
    buckets,
    bytesIn: 100,
    bytesOut: 1000,
    ...rest,
  }
}

function eventOf(n: number, rest: Partial<RegistryEvent> = {}): RegistryEvent {
  return {
    at: NOON + n,
    instance: 'orders/a:1',
    service: 'orders',
    kind: 'health',
    from: 'up',
    to: 'down',
    reason: `HTTP 503 (${n})`,
    ...rest,
  }
}

/** Follows the cursors to the end. */
export async function allPages<T>(query: (page: PageRequest) => Promise<Page<T>>, limit: number): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page: Page<T> = await query(cursor === undefined ? { limit } : { limit, cursor })
    assert.ok(page.items.length <= limit, 'a page holds no more than was asked for')
    items.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  return items
}

/** `open` gives an empty store, closed when the test ends. */
export function storeContract(engine: string, open: (t: TestContext) => Promise<Store>): void {
  const it = (sentence: string, run: (store: Store, t: TestContext) => Promise<void>) =>
    test(`${engine}: ${sentence}`, async (t) => run(await open(t), t))

  const stored = {
    id: 'orders/a:1',
    service: 'orders',
    url: 'http://a:1',
    health: 'up',
    since: NOON,
    version: 1,
  } as const

  it('state is written once and read back, with and without an override', async ({ state }) => {
    const drained = { ...stored, id: 'orders/b:1', override: 'drain' } as const
    assert.deepEqual(await state.put([stored, drained]), [])
    const loaded = [...(await state.load())].sort((a, b) => a.id.localeCompare(b.id))
    assert.deepEqual(loaded, [stored, drained])
    const freed = { ...stored, id: 'orders/b:1', version: 2 } as const
    assert.deepEqual(await state.put([freed]), [])
    assert.deepEqual(
      (await state.load()).find(({ id }) => id === freed.id),
      freed,
    )
  })

  it('a writer of state that holds an old version loses, alone among its batch', async ({ state }) => {
    await state.put([stored])
    assert.deepEqual(await state.put([{ ...stored, health: 'down' }]), ['orders/a:1'])
    const fresh = { ...stored, id: 'orders/b:1' }
    assert.deepEqual(await state.put([{ ...stored, version: 3 }, fresh]), ['orders/a:1'])
    assert.deepEqual(await state.put([{ ...stored, id: 'orders/c:1', version: 5 }]), ['orders/c:1'])
    assert.deepEqual(await state.put([{ ...stored, health: 'down', version: 2 }]), [])
    const loaded = new Map((await state.load()).map((i) => [i.id, i]))
    assert.deepEqual([...loaded.keys()].sort(), ['orders/a:1', 'orders/b:1'])
    assert.equal(loaded.get('orders/a:1')?.health, 'down')
  })

  it('removed state can begin again at version 1', async ({ state }) => {
    await state.put([stored])
    await state.remove(['orders/a:1', 'orders/never:1'])
    assert.deepEqual(await state.load(), [])
    assert.deepEqual(await state.put([stored]), [])
  })

  it('each term is greater than the one before', async ({ state }) => {
    const terms = [await state.nextTerm(), await state.nextTerm(), await state.nextTerm()]
    assert.ok(
      terms.every((term, i) => Number.isSafeInteger(term) && (i === 0 || term > (terms[i - 1] ?? 0))),
      String(terms),
    )
  })

  it('an instance keeps its newest packets up to the limit, newest first and unchanged', async ({
    history,
    ...store
  }) => {
    for (let n = 1; n <= 7; n++) history.appendPacket(packetOf(n), 5)
    history.appendPacket(packetOf(1, 'orders/b:1', { status: 'service unreachable', latencyMs: 0, tries: 4 }), 5)
    await store.flush()
    const { items, cursor } = await history.packets('orders/a:1', { limit: 100 })
    assert.deepEqual(
      items,
      [7, 6, 5, 4, 3].map((n) => packetOf(n)),
    )
    assert.equal(cursor, undefined)
    const other = await history.packets('orders/b:1', { limit: 100 })
    assert.deepEqual(other.items, [
      packetOf(1, 'orders/b:1', { status: 'service unreachable', latencyMs: 0, tries: 4 }),
    ])
    assert.deepEqual(await history.packets('orders/none:1', { limit: 100 }), { items: [] })
  })

  it('a lowered limit trims a ring with the next packet, a raised one lets it grow', async ({ history, ...store }) => {
    const kept = async () => (await history.packets('orders/a:1', { limit: 100 })).items.map(({ response }) => response)
    for (let n = 1; n <= 10; n++) history.appendPacket(packetOf(n), 10)
    await store.flush()
    history.appendPacket(packetOf(11), 3)
    await store.flush()
    assert.deepEqual(await kept(), ['HTTP 200 (11)', 'HTTP 200 (10)', 'HTTP 200 (9)'])
    for (let n = 12; n <= 13; n++) history.appendPacket(packetOf(n), 4)
    await store.flush()
    assert.deepEqual(await kept(), ['HTTP 200 (13)', 'HTTP 200 (12)', 'HTTP 200 (11)', 'HTTP 200 (10)'])
  })

  it('rings are trimmed to lowered limits without a packet, however much that is', async ({ history, ...store }) => {
    for (let n = 1; n <= 1300; n++) history.appendPacket(packetOf(n), 1300)
    for (let n = 1; n <= 10; n++) history.appendPacket(packetOf(n, 'orders/b:1'), 10)
    for (let n = 1; n <= 10; n++) history.appendPacket(packetOf(n, 'orders/c:1'), 10)
    await store.flush()
    const limits = [
      ['orders/none:1', 1],
      ['orders/a:1', 3],
      ['orders/b:1', 10],
      ['orders/c:1', 0],
    ] as const
    assert.equal(await history.trimPackets(limits), 1307)
    assert.equal(await history.trimPackets(limits), 0)
    const kept = (id: string) => allPages((page) => history.packets(id, page), 1000)
    assert.deepEqual(await kept('orders/a:1'), [packetOf(1300), packetOf(1299), packetOf(1298)])
    assert.equal((await kept('orders/b:1')).length, 10)
    assert.deepEqual(await kept('orders/c:1'), [])
    history.appendPacket(packetOf(1301), 3)
    await store.flush()
    assert.deepEqual(
      (await kept('orders/a:1')).map(({ startedAt }) => startedAt),
      [1301, 1300, 1299].map((n) => packetOf(n).startedAt),
    )
  })

  it('cursors walk a ring without gap or repetition while it moves on', async ({ history, ...store }) => {
    for (let n = 1; n <= 10; n++) history.appendPacket(packetOf(n), 10)
    await store.flush()
    const first = await history.packets('orders/a:1', { limit: 4 })
    assert.deepEqual(
      first.items.map(({ startedAt }) => startedAt),
      [10, 9, 8, 7].map((n) => packetOf(n).startedAt),
    )
    for (let n = 11; n <= 13; n++) history.appendPacket(packetOf(n), 10)
    await store.flush()
    assert.ok(first.cursor !== undefined)
    const second = await history.packets('orders/a:1', { limit: 4, cursor: first.cursor })
    assert.deepEqual(second, { items: [packetOf(6), packetOf(5), packetOf(4)] })
  })

  it('a cursor that is garbage, tampered with or of another query is refused', async ({ history, ...store }) => {
    for (let n = 1; n <= 3; n++) history.appendPacket(packetOf(n), 10)
    history.appendRequests(
      [1, 2, 3].map((n) => recordOf(n)),
      10,
    )
    for (let n = 1; n <= 3; n++) history.appendEvent(eventOf(n))
    await store.flush()
    const { cursor = '' } = await history.packets('orders/a:1', { limit: 1 })
    assert.match(cursor, /^[\w-]+$/)
    const tampered = (cursor[0] === 'A' ? 'B' : 'A') + cursor.slice(1)
    for (const bad of ['', 'x', '%%%', tampered, `${cursor}A`, cursor.slice(1), 'A'.repeat(22), 'A'.repeat(1e5)]) {
      await assert.rejects(history.packets('orders/a:1', { limit: 1, cursor: bad }), BadCursor, bad.slice(0, 30))
      await assert.rejects(history.requests({}, { limit: 1, cursor: bad }), BadCursor, bad.slice(0, 30))
      await assert.rejects(history.events({}, { limit: 1, cursor: bad }), BadCursor, bad.slice(0, 30))
    }
    await assert.rejects(history.packets('orders/b:1', { limit: 1, cursor }), BadCursor)
    const ofAll = await history.requests({}, { limit: 1 })
    await assert.rejects(history.requests({ method: 'GET' }, { limit: 1, cursor: ofAll.cursor ?? '' }), BadCursor)
  })

  it('a page holds 1 to 1000 items, whatever was asked for', async ({ history, ...store }) => {
    for (let n = 1; n <= 1200; n++) history.appendPacket(packetOf(n), 5000)
    await store.flush()
    const sizes = await Promise.all(
      [-5, 0, Number.NaN, 1.9, 1000, 1e9].map(
        async (limit) => (await history.packets('orders/a:1', { limit })).items.length,
      ),
    )
    assert.deepEqual(sizes, [1, 1, 1, 1, 1000, 1000])
    assert.equal((await allPages((page) => history.packets('orders/a:1', page), 500)).length, 1200)
  })

  it('requests are a ring per instance, and one per service for those that reached none', async ({
    history,
    ...store
  }) => {
    const lost = { instance: '', error: 'no-instance', status: 503 } as const
    for (let n = 0; n < 30; n++) {
      const kinds = [
        {},
        { instance: 'orders/b:1' },
        lost,
        { ...lost, service: 'bills' },
        { ...lost, service: '', route: '' },
      ]
      history.appendRequests([recordOf(n, kinds[n % kinds.length])], 2)
    }
    await store.flush()
    const { items } = await history.requests({}, { limit: 100 })
    assert.deepEqual(
      items.map(({ at }) => at - NOON),
      [29, 28, 27, 26, 25, 24, 23, 22, 21, 20],
    )
    assert.deepEqual(items[0], recordOf(29, { ...lost, service: '', route: '' }))
    assert.deepEqual(items[4], recordOf(25))
  })

  it('with a limit of 0 no request is kept', async ({ history, ...store }) => {
    history.appendRequests([recordOf(1), recordOf(2)], 5)
    await store.flush()
    history.appendRequests([recordOf(3), recordOf(4, { instance: 'orders/b:1' })], 0)
    await store.flush()
    assert.deepEqual(await history.requests({}, { limit: 10 }), { items: [] })
  })

  it('requests are found by service, instance, route, method and status, alone and together', async ({
    history,
    ...store
  }) => {
    const records = [
      recordOf(0),
      recordOf(1, { status: 404 }),
      recordOf(2, { status: 503, instance: '', error: 'no-instance' }),
      recordOf(3, { method: 'POST', instance: 'orders/b:1' }),
      recordOf(4, { service: 'bills', instance: 'bills/a:1', route: 'bills:/bills', status: 500 }),
      recordOf(5, { service: 'bills', instance: 'bills/a:1', route: 'bills:/bills', status: 0 }),
      recordOf(6, { service: '', instance: '', route: '', status: 404, error: 'no-route' }),
    ]
    history.appendRequests(records, 100)
    await store.flush()
    const found = async (filter: object) =>
      (await allPages((page) => history.requests(filter, page), 2)).map(({ at }) => at - NOON)
    assert.deepEqual(await found({}), [6, 5, 4, 3, 2, 1, 0])
    assert.deepEqual(await found({ service: 'orders' }), [3, 2, 1, 0])
    assert.deepEqual(await found({ instance: 'orders/a:1' }), [1, 0])
    assert.deepEqual(await found({ instance: '' }), [6, 2])
    assert.deepEqual(await found({ service: 'orders', instance: '' }), [2])
    assert.deepEqual(await found({ service: 'bills', instance: 'orders/a:1' }), [])
    assert.deepEqual(await found({ route: 'bills:/bills' }), [5, 4])
    assert.deepEqual(await found({ method: 'POST' }), [3])
    assert.deepEqual(await found({ status: '404' }), [6, 1])
    assert.deepEqual(await found({ status: '5xx' }), [4, 2])
    assert.deepEqual(await found({ status: '0' }), [5])
    assert.deepEqual(await found({ status: 'teapot' }), [])
    assert.deepEqual(await found({ service: 'orders', method: 'GET', status: '2xx' }), [0])
    assert.deepEqual(await found({ service: 'nobody' }), [])
  })

  it('a filter that matches one request in thousands still finds it', async ({ history, ...store }) => {
    history.appendRequests([recordOf(0, { method: 'PURGE' })], 10_000)
    history.appendRequests(
      Array.from({ length: 4000 }, (_, n) => recordOf(n + 1)),
      10_000,
    )
    await store.flush()
    const { items } = await history.requests({ method: 'PURGE' }, { limit: 10 })
    assert.deepEqual(items, [recordOf(0, { method: 'PURGE' })])
  })

  it('events are kept newest first and found by service and instance', async ({ history, ...store }) => {
    const events = [
      eventOf(0),
      eventOf(1, { kind: 'override', from: '', to: 'drain', reason: 'by an operator' }),
      eventOf(2, { instance: 'orders/b:1', kind: 'added' }),
      eventOf(3, { instance: 'bills/a:1', service: 'bills' }),
    ]
    for (const event of events) history.appendEvent(event)
    await store.flush()
    const found = (filter: object, limit = 2) => allPages((page) => history.events(filter, page), limit)
    assert.deepEqual(await found({}), events.toReversed())
    assert.deepEqual(await found({ service: 'orders' }), events.slice(0, 3).toReversed())
    assert.deepEqual(await found({ instance: 'orders/a:1' }, 1), [events[1], events[0]])
    assert.deepEqual(await found({ service: 'bills', instance: 'orders/a:1' }), [])
  })

  it('counts add up in their minute, their hour and the total', async ({ history, ...store }) => {
    history.addCounts(NOON + 1000, [countOf(), countOf({ instance: '', requests: 1 })])
    history.addCounts(NOON + 59_999, [countOf({ latencyMaxMs: 2 })])
    await store.flush()
    history.addCounts(NOON + 2000, [countOf({ latencyMaxMs: 9 })])
    history.addCounts(NOON + HOUR, [countOf(), countOf({ service: 'bills', instance: 'bills/a:1' })])
    await store.flush()

    const times = (n: number, latencyMaxMs: number): TrafficCount => {
      const { service, instance, classes, buckets, ...numbers } = countOf()
      const scaled = Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, value * n]))
      const lists = { classes: classes.map((c) => c * n), buckets: buckets.map((b) => b * n) }
      return { ...numbers, ...scaled, service, instance, ...lists, latencyMaxMs }
    }
    const day = { from: NOON - HOUR, to: NOON + 24 * HOUR }
    const ofA = { service: 'orders', instance: 'orders/a:1' }
    assert.deepEqual(await history.rollups({ span: 'minute', ...day, ...ofA }), [
      { start: NOON, ...times(3, 9) },
      { start: NOON + HOUR, ...countOf() },
    ])
    assert.deepEqual(await history.rollups({ span: 'hour', ...day, instance: 'orders/a:1' }), [
      { start: NOON, ...times(3, 9) },
      { start: NOON + HOUR, ...countOf() },
    ])
    assert.deepEqual(await history.rollups({ span: 'minute', ...day, service: 'orders', instance: '' }), [
      { start: NOON, ...countOf({ instance: '', requests: 1 }) },
    ])
    assert.equal((await history.rollups({ span: 'minute', ...day, service: 'orders' })).length, 3)
    const starts = (await history.rollups({ span: 'minute', ...day })).map(({ start }) => start - NOON)
    assert.deepEqual(starts, [0, 0, HOUR, HOUR])
    assert.deepEqual(await history.rollups({ span: 'minute', from: NOON + 1, to: NOON + HOUR }), [])
    assert.equal((await history.rollups({ span: 'minute', from: NOON, to: NOON + 1 })).length, 2)
    assert.deepEqual(await history.rollups({ span: 'minute', ...day, service: 'nobody' }), [])

    const totals = [...(await history.totals())].sort((a, b) => (a.instance < b.instance ? -1 : 1))
    assert.deepEqual(totals, [
      countOf({ instance: '', requests: 1 }),
      countOf({ service: 'bills', instance: 'bills/a:1' }),
      times(4, 9),
    ])
  })

  it('thousands of counts at once and over many minutes are all read back', async ({ history, ...store }) => {
    const instances = Array.from({ length: 900 }, (_, i) => countOf({ instance: `orders/${i}:1`, requests: i }))
    for (let minute = 0; minute < 3; minute++) history.addCounts(NOON + minute * MINUTE, instances)
    await store.flush()
    const rows = await history.rollups({ span: 'minute', from: NOON, to: NOON + HOUR })
    assert.equal(rows.length, 2700)
    assert.ok(rows.every(({ start }, i) => i === 0 || start >= (rows[i - 1]?.start ?? 0)))
    assert.equal(
      rows.reduce((sum, { requests }) => sum + requests, 0),
      (3 * 900 * 899) / 2,
    )
    const totals = await history.totals()
    assert.equal(
      totals.reduce((sum, { requests }) => sum + requests, 0),
      (3 * 900 * 899) / 2,
    )
  })

  it('pruning removes what is older than its limit and leaves the totals', async ({ history, ...store }) => {
    const old = { before: NOON - 10 * HOUR, after: NOON }
    for (const at of [old.before, old.after]) {
      for (let n = 0; n < 700; n++) history.appendRequests([recordOf(n, { at: at + n })], 5000)
      history.appendEvent(eventOf(0, { at }))
      history.addCounts(at, [countOf()])
    }
    await store.flush()
    const cut = NOON - HOUR
    const limits = { events: cut, minutes: cut, hours: cut, requests: cut, gone: 0, known: ['orders/a:1'] }
    assert.equal(await history.prune({ ...limits, events: 0, minutes: 0, hours: 0, requests: 0 }), 0)
    assert.equal(await history.prune(limits), 700 + 3)
    assert.equal((await allPages((page) => history.requests({}, page), 1000)).length, 700)
    assert.deepEqual((await history.events({}, { limit: 10 })).items, [eventOf(0)])
    const all = { from: 0, to: NOON + HOUR }
    assert.deepEqual(await history.rollups({ span: 'minute', ...all }), [{ start: NOON, ...countOf() }])
    assert.deepEqual(await history.rollups({ span: 'hour', ...all }), [{ start: NOON, ...countOf() }])
    assert.equal((await history.totals())[0]?.requests, 4)
    assert.equal(await history.prune(limits), 0)
  })

  it('what is stored of an instance that is long gone is removed, of a known or a recent one never', async (store) => {
    const { history, state } = store
    const ids = ['orders/known:1', 'orders/gone:1', 'orders/recent:1']
    for (const instance of ids) {
      const late = instance === 'orders/recent:1' ? 10 * HOUR : 0
      for (let n = 0; n < 600; n++) history.appendPacket(packetOf(n, instance, { endedAt: NOON + late }), 1000)
      history.appendRequests([recordOf(1, { instance, at: NOON })], 10)
    }
    await state.put([{ ...stored, id: 'orders/known:1' }])
    await store.flush()
    const limits = { events: 0, minutes: 0, hours: 0, requests: 0, gone: NOON + HOUR, known: ['orders/known:1'] }
    assert.equal(await history.prune(limits), 601)
    assert.equal((await history.packets('orders/gone:1', { limit: 1 })).items.length, 0)
    const left = (await history.requests({}, { limit: 10 })).items.map(({ instance }) => instance)
    assert.deepEqual(left.sort(), ['orders/known:1', 'orders/recent:1'])
    for (const id of ['orders/known:1', 'orders/recent:1']) {
      assert.equal((await allPages((page) => history.packets(id, page), 500)).length, 600)
    }
    assert.equal(await history.prune({ ...limits, gone: Number.MAX_SAFE_INTEGER }), 601)
    await state.put([{ ...stored, id: 'orders/once:1' }])
    assert.equal(await history.prune({ ...limits, gone: Number.MAX_SAFE_INTEGER }), 1)
    assert.deepEqual(
      (await state.load()).map(({ id }) => id),
      ['orders/known:1'],
    )
  })

  it('values that are no numbers and texts without end do no harm', async ({ history, ...store }) => {
    const endless = 'x'.repeat(1e6)
    history.appendPacket(packetOf(1, 'orders/a:1', { response: endless, latencyMs: Number.NaN }), 5)
    history.appendPacket(packetOf(2, 'orders/a:1', { endedAt: Infinity }), Number.NaN)
    history.appendPacket(packetOf(3), 5)
    history.appendRequests([recordOf(1, { path: endless, method: endless, status: Number.NaN })], 5)
    history.addCounts(Number.NaN, [countOf()])
    history.addCounts(NOON, [countOf({ requests: Number.NaN, buckets: [] })])
    await store.flush()
    assert.deepEqual(store.health(), { ok: true })
    assert.deepEqual((await history.packets('orders/a:1', { limit: 5 })).items, [packetOf(3)])
    const [record] = (await history.requests({}, { limit: 5 })).items
    assert.equal(record?.path.length, 2048)
    assert.equal(record?.status, 0)
    history.appendPacket(packetOf(4, 'orders/b:1', { response: endless }), 5)
    await store.flush()
    assert.equal((await history.packets('orders/b:1', { limit: 5 })).items[0]?.response.length, 512)
    assert.equal((await history.totals())[0]?.errors, 1)
  })

  it('rings and pages hold what a plain list would, whatever the order of things', async (store) => {
    const { history } = store
    let run = 0
    const step = fc.record({
      ring: fc.integer({ min: 0, max: 2 }),
      rows: fc.integer({ min: 1, max: 12 }),
      limit: fc.integer({ min: 1, max: 9 }),
      flush: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), fc.integer({ min: 1, max: 6 }), async (steps, limit) => {
        run++
        const lists = new Map<string, Packet[]>()
        let n = 0
        for (const { ring, rows, limit: most, flush } of steps) {
          const instance = `run${run}/${ring}:1`
          for (let i = 0; i < rows; i++) {
            const packet = packetOf(++n, instance)
            history.appendPacket(packet, most)
            lists.set(instance, [packet, ...(lists.get(instance) ?? [])].slice(0, most))
          }
          if (flush) await store.flush()
        }
        await store.flush()
        for (const [instance, list] of lists) {
          assert.deepEqual(await allPages((page) => history.packets(instance, page), limit), list)
        }
      }),
      { numRuns: 40 },
    )
  })
}
