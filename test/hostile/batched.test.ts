// Requests of several clients on one connection to an origin: when an answer to one of them is bad, the others get their own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { marksOf, streamsSince } from './arrivals.js'
import { type Script, withId } from './case.js'
import { Client } from './client.js'
import { type Lane, type Layout, startLane } from './lane.js'
import { statusOf } from './reading/read.js'
import { echo } from './recorder.js'
import { get } from './write.js'

const BATCHED: Layout = { services: { app: { apis: ['/app'], batch: 'auto' } } }
const LENGTH = 'Content-Length: 5\r\n'
const ok = (fields: string, body = ''): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`

const BAD: readonly (readonly [string, Script['play']])[] = [
  ['a reset', ['reset']],
  ['an end', ['close']],
  ['half a head and the end', ['HTTP/1.1 200', 'close']],
  ['half a body and the end', [ok(LENGTH, 'hel'), 'close']],
  ['half a body and a reset', [ok(LENGTH, 'hel'), 'turn', 'reset']],
  ['half a chunked body and the end', [ok('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n'), 'close']],
  ['an answer that says close', [ok(`Connection: close\r\n${LENGTH}`, 'hello'), 'close']],
  ['an answer that says close and does not', [ok(`Connection: close\r\n${LENGTH}`, 'hello')]],
  ['an answer until the end', [ok('', 'hello'), 'close']],
  ['HTTP/1.0', ['HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'close']],
  ['two lengths', [ok(`${LENGTH}Content-Length: 6\r\n`, 'hello!')]],
  ['a length and chunks', [ok(`${LENGTH}Transfer-Encoding: chunked\r\n`, '0\r\n\r\n')]],
  ['a chunk size that is none', [ok('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\ng\r\n')]],
  ['a 101', ['HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nPOISON']],
  ['no HTTP', ['220 hello\r\n\r\n']],
  ['a 204 with a body', ['HTTP/1.1 204 No Content\r\n\r\nhello']],
  ['a 304 with a body', ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello']],
  [
    'a 304 whose body is an answer',
    [`HTTP/1.1 304 Not Modified\r\nContent-Length: 44\r\n\r\n${ok('Content-Length: 6\r\n', 'POISON')}`],
  ],
  ['more than its length', [ok(LENGTH, 'helloworld')]],
]

for (const [name, play] of BAD) {
  test(`requests that share a connection with one whose answer is ${name} get their own answers`, async () => {
    const lane = await startLane(BATCHED)
    try {
      const faults: string[] = []
      let shared = false
      // Whether requests meet in one turn is the loop's to say: most do.
      for (let i = 0; i < 5 && !shared; i++) {
        lane.share()
        const round = await together(lane, play, `k${String(i).padStart(5, '0')}`)
        shared = round.shared
        faults.push(...round.faults)
      }
      assert.deepEqual(faults, [])
      assert.ok(shared, 'no connection was shared')
      await lane.quiet()
    } finally {
      await lane.stop()
    }
  })
}

/** One bad request among five innocent ones, all in one turn. */
async function together(lane: Lane, play: Script['play'], id: string): Promise<{ faults: string[]; shared: boolean }> {
  const marks = marksOf(lane)
  for (const origin of lane.origins.values()) origin.script(id, { play })
  const bad = await Client.connect(lane.port)
  const clients = await Promise.all([1, 2, 3, 4, 5].map(() => Client.connect(lane.port)))
  const target = (i: number): string => `/app/innocent-${i}`
  const all = [...clients.slice(0, 2), bad, ...clients.slice(2)]
  const texts = all.map((client) => (client === bad ? withId(get(), id) : get('', target(clients.indexOf(client)))))
  await Promise.all(all.map((client, i) => client.send([texts[i] ?? ''], 'whole')))
  await Promise.all(all.map((client) => client.until(() => client.finals > 0)))
  const faults = clients.flatMap((client, i) => {
    const [answer] = client.answers.messages
    const right = answer !== undefined && statusOf(answer) === 200 && answer.body === echo('GET', target(i), '')
    return right ? [] : [`${target(i)} got ${JSON.stringify(client.received)}`]
  })
  const shared = streamsSince(lane, marks).some(({ bytes }) => new RegExp(`${id}[^]*\nGET `).test(bytes))
  for (const client of all) client.destroy()
  return { faults, shared }
}
