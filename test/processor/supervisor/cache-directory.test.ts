// Which worker fetches and which one hands over, as the supervisor tells them: also when workers die, are silent, or speak of
// what is not there any more.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCacheDirectory } from '../../../processor/supervisor/cache-directory.js'
import type { CacheNote, CacheWord, Sent, Wanted } from '../../../processor/pipes/cache/share-messages.js'
import { fakeClock } from '../../kit/clock.js'

const wanted = (key: string): Wanted => ({
  pipe: 'p',
  key,
  route: 'r',
  service: 's',
  target: '',
  names: [],
  values: [],
})
const sent = (fresh = true): Sent => ({
  ...{ status: 200, lines: '', body: 'Ym9keQ==', times: [0, 1000, 1000, 1000], strict: false, checked: false },
  ...{ dropped: [], asIs: true, sentAt: 0, fresh },
})

function start() {
  const clock = fakeClock()
  const said: (readonly [string, CacheWord])[] = []
  const stuck = new Set<string>()
  const directory = createCacheDirectory<string>({
    clock,
    tell(worker, words, done) {
      for (const word of words) said.push([worker, word])
      if (!stuck.has(worker)) done()
    },
  })
  const note = (worker: string, ...notes: CacheNote[]) => directory.heard(worker, notes)
  let asked = 0
  const want = (worker: string, slot: string, how: { peek?: boolean; fresh?: boolean } = {}) => {
    const q = ++asked
    note(worker, { say: 'want', q, slot, wanted: wanted(slot), peek: false, fresh: false, ...how })
    return q
  }
  /** What was said since the last call, as `worker:what`. */
  const heard = () => said.splice(0).map(([worker, { say }]) => `${worker}:${say}`)
  const giveId = () => said.flatMap(([, word]) => (word.say === 'give' ? [word.id] : [])).at(-1) ?? 0
  return { clock, directory, note, want, heard, giveId, stuck }
}

test('the first one fetches, the others wait, and get it from the first', () => {
  const { note, want, heard, giveId } = start()
  for (const worker of ['a', 'b', 'c']) want(worker, '/x')
  assert.deepEqual(heard(), ['a:fetch', 'b:wait', 'c:wait'])
  note('a', { say: 'held', slot: '/x' }, { say: 'landed', slot: '/x', how: 'stored' })
  const id = giveId()
  assert.deepEqual(heard(), ['a:give'])
  note('a', { say: 'given', id, sent: sent() })
  assert.deepEqual(heard(), ['b:entry', 'c:entry'])
  // One of those who have it dies, another one gives it.
  want('d', '/x')
  assert.deepEqual(heard(), ['a:give', 'd:wait'])
})

test('how a fetch ends tells who waits what to do', () => {
  for (const [how, then] of [
    ['alone', ['b:alone', 'c:alone']],
    ['failed', ['b:failed', 'c:failed']],
    ['gone', ['b:fetch']],
    ['large', ['b:fetch', 'c:fetch']],
    // It was thrown away meanwhile.
    ['stored', ['b:fetch']],
  ] as const) {
    const { note, want, heard } = start()
    for (const worker of ['a', 'b', 'c']) want(worker, '/x')
    heard()
    note('a', { say: 'landed', slot: '/x', how })
    assert.deepEqual(heard(), then)
  }
})

test('what tells the answers of a URL apart is told to those who wait, and to those who come later', () => {
  const { note, want, heard } = start()
  want('a', '/x')
  want('b', '/x')
  heard()
  note('a', { say: 'held', slot: '/x en' }, { say: 'landed', slot: '/x', how: 'stored', names: ['accept-language'] })
  want('c', '/x')
  assert.deepEqual(heard(), ['b:names', 'c:names'])
  want('b', '/x en')
  assert.deepEqual(heard(), ['a:give', 'b:wait'])
  // It does not depend on that any more.
  note('a', { say: 'held', slot: '/x' })
  want('c', '/x')
  assert.deepEqual(heard(), ['a:give', 'c:wait'])
})

test('who fetches and dies has a successor, and so has who does not give in time', async () => {
  const { clock, directory, note, want, heard } = start()
  for (const worker of ['a', 'b', 'c']) want(worker, '/x')
  heard()
  directory.left('a')
  assert.deepEqual(heard(), ['b:fetch'])
  note('b', { say: 'held', slot: '/x' }, { say: 'landed', slot: '/x', how: 'stored' })
  assert.deepEqual(heard(), ['b:give'])
  await clock.advance(249)
  assert.deepEqual(heard(), [])
  await clock.advance(1)
  assert.deepEqual(heard(), ['c:fetch'])
  want('d', '/x')
  directory.left('c')
  directory.left('d')
  assert.deepEqual(heard(), ['d:wait', 'd:fetch'])
  assert.equal(clock.pending, 0)
})

test('a holder that dies while it is asked holds nobody up', () => {
  const { directory, note, want, heard } = start()
  note('a', { say: 'held', slot: '/x' })
  want('b', '/x')
  assert.deepEqual(heard(), ['a:give', 'b:wait'])
  directory.left('a')
  assert.deepEqual(heard(), ['b:fetch'])
})

test('an answer that is on its way when its URL changes, or a purge comes, reaches nobody', () => {
  for (const clear of [
    (directory: ReturnType<typeof start>['directory']) => directory.changed(['/y', '/x']),
    (directory: ReturnType<typeof start>['directory']) => directory.purged(),
  ]) {
    const { directory, note, want, heard, giveId } = start()
    note('a', { say: 'held', slot: '/x' })
    want('b', '/x')
    const id = giveId()
    clear(directory)
    heard()
    note('a', { say: 'given', id, sent: sent() })
    assert.deepEqual(heard(), ['b:fetch'])
  }
  const { directory, note, want, heard, giveId } = start()
  note('a', { say: 'held', slot: '/x' })
  want('b', '/x')
  directory.changed(['/y'])
  note('a', { say: 'given', id: giveId(), sent: sent() })
  assert.deepEqual(heard(), ['a:give', 'b:wait', 'b:entry'])
})

test('who has a stale one gets only what is fresh, and who only looks fetches for nobody', () => {
  const { note, want, heard, giveId } = start()
  note('a', { say: 'held', slot: '/x' })
  want('b', '/x', { fresh: true })
  want('c', '/x')
  const id = giveId()
  heard()
  note('a', { say: 'given', id, sent: sent(false) })
  assert.deepEqual(heard(), ['c:entry', 'c:give'])
  want('d', '/y', { peek: true })
  want('e', '/y')
  want('d', '/y', { peek: true })
  assert.deepEqual(heard(), ['d:fetch', 'e:fetch', 'd:fetch'])
})

test('while a stale one is refreshed, it serves those who have none', () => {
  const { note, want, heard, giveId } = start()
  note('a', { say: 'held', slot: '/x' })
  want('a', '/x', { fresh: true })
  want('b', '/x')
  assert.deepEqual(heard(), ['a:fetch', 'a:give', 'b:wait'])
  want('c', '/x', { fresh: true })
  const id = 1
  note('a', { say: 'given', id, sent: sent(false) })
  assert.deepEqual(heard(), ['c:wait', 'b:entry'])
  want('d', '/x')
  want('e', '/x', { peek: true })
  // It serves nobody any more.
  const last = giveId()
  note('a', { say: 'given', id: last })
  note('b', { say: 'given', id: last + 1 })
  assert.deepEqual(heard(), ['a:give', 'd:wait', 'e:wait', 'b:give', 'e:fetch'])
  note('a', { say: 'held', slot: '/x' }, { say: 'landed', slot: '/x', how: 'stored' })
  const renewed = giveId()
  note('a', { say: 'given', id: renewed, sent: sent() })
  assert.deepEqual(heard(), ['a:give', 'c:entry', 'd:entry'])
})

test('what waits, what is known and what is unread stays within a bound', () => {
  const { note, want, heard, giveId, stuck, directory } = start()
  want('a', '/x')
  for (let i = 0; i < 5000; i++) want(`b${i}`, '/x')
  heard()
  want('c', '/x')
  assert.deepEqual(heard(), ['c:alone'])
  note('a', { say: 'landed', slot: '/x', how: 'alone' })
  assert.equal(heard().length, 5000)
  want('c', '/x')
  assert.deepEqual(heard(), ['c:fetch'])

  for (let i = 0; i <= 100_000; i++) note('a', { say: 'held', slot: `/${i}` })
  want('b', '/0')
  want('b', '/100000')
  assert.deepEqual(heard(), ['b:fetch', 'a:give', 'b:wait'])
  directory.left('b')

  stuck.add('b')
  const large = { ...sent(), body: 'x'.repeat(20 * 1024 * 1024) }
  for (let i = 0; i < 3; i++) {
    want('b', `/${50_000 + i}`)
    note('a', { say: 'given', id: giveId(), sent: large })
  }
  assert.deepEqual(
    heard().filter((one) => !/give|wait/.test(one)),
    ['b:entry', 'b:entry', 'b:alone'],
  )
})
