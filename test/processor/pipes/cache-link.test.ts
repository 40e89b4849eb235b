// A worker's questions to the caches of the others: in one message a turn, and given up where nobody answers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, connectCaches, openTo } from '../../../processor/pipes/cache/share-link.js'
import type { CacheNote, CacheWord, Sent, Wanted } from '../../../processor/pipes/cache/share-messages.js'
import { waitFor } from '../../kit/wait.js'

const wanted: Wanted = { pipe: 'p', key: '/x', route: 'r', service: 's', target: '', names: [], values: [] }
const wish = (slot: string) => ({ slot, wanted, peek: false, fresh: false })
const sent: Sent = {
  ...{ status: 200, lines: '', body: 'Ym9keQ==', times: [0, 1000, 1000, 1000], strict: false, checked: false },
  ...{ dropped: [], asIs: true, sentAt: 0, fresh: true },
}

/** Answers each question by `answer`. */
function connect(answer: (q: number) => readonly CacheWord[] = () => [], unsent = false) {
  const messages: (readonly CacheNote[])[] = []
  const hear = connectCaches((notes, done) => {
    messages.push(notes)
    if (!unsent) done()
    const words = notes.flatMap((note) => (note.say === 'want' ? answer(note.q) : []))
    if (words.length > 0) setImmediate(() => hear(words))
  })
  hear([])
  return { messages, hear, said: () => messages.flat() }
}

test('questions of one turn are one message, and each gets its own answer', async () => {
  const { messages } = connect((q) => [
    { say: 'wait', q },
    { say: 'entry', q, sent: { ...sent, body: `${q}` } },
  ])
  const told = await Promise.all(['/a', '/b', '/c'].map((slot) => ask(wish(slot), 5000)))
  assert.equal(messages.length, 1)
  assert.equal(new Set(told.map((one) => one.say === 'entry' && one.sent.body)).size, 3)
})

test('a supervisor that says nothing is waited for once, and asked nothing for a while', async () => {
  const { said, hear } = connect()
  assert.deepEqual(await ask(wish('/a'), 5000), { say: 'late' })
  assert.deepEqual(await ask(wish('/b'), 5000), { say: 'late' })
  assert.equal(said().length, 1)
  // It speaks again: to fetch what nobody waits for any more, which is left to the next one.
  const [first] = said()
  hear([{ say: 'fetch', q: first?.say === 'want' ? first.q : 0, slot: '/a' }])
  const third = ask(wish('/c'), 100)
  await waitFor(() => said().length === 3)
  assert.deepEqual(said()[1], { say: 'landed', slot: '/a', how: 'gone' })
  assert.deepEqual(await third, { say: 'late' })
})

test('one that has said that another worker fetches is waited for as long as the request may wait, and no longer', async () => {
  const { hear } = connect((q) => [{ say: 'wait', q }])
  assert.deepEqual(await ask(wish('/a'), 300), { say: 'late' })
  // That was not its silence.
  let asked = 0
  connect((q) => [{ say: 'alone', q: (asked = q) }])
  assert.equal((await ask(wish('/b'), 5000)).say, 'alone')
  hear([{ say: 'alone', q: asked }])
})

test('so many questions are under way and no more', async () => {
  const { said, hear } = connect()
  const told = Array.from({ length: 1001 }, (_, i) => ask(wish(`/${i}`), 5000))
  assert.deepEqual(await told[1000], { say: 'late' })
  await waitFor(() => said().length === 1000)
  hear(said().flatMap((note) => (note.say === 'want' ? [{ say: 'alone', q: note.q } as const] : [])))
  assert.ok((await Promise.all(told)).slice(0, 1000).every(({ say }) => say === 'alone'))
})

test('a store gives what it has, and nothing while much of that has not left', async () => {
  const close = openTo('p', () => ({ ...sent, body: 'x'.repeat(9 * 1024 * 1024) }))
  const { said, hear } = connect(undefined, true)
  for (let id = 1; id <= 4; id++) hear([{ say: 'give', id, wanted }])
  hear([{ say: 'give', id: 5, wanted: { ...wanted, pipe: 'unknown' } }])
  await waitFor(() => said().length === 5)
  const given = said().map((note) => note.say === 'given' && note.sent !== undefined)
  assert.deepEqual(given, [true, true, false, false, false])
  close()
})
