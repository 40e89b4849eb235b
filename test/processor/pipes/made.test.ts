// What `create` of a module gives may be no pipe, or one with a hook that nobody calls: its author hears what is wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pipeOf } from '../../../processor/pipes/made.js'
import { silentLog } from '../../../shared/log.js'
import { request } from '../../kit/http.js'
import { keepingLog, startPiped } from './rig.js'

const creating = (body: string) => `export default { create() { ${body} } }`

test('what is no object with hooks is no pipe', () => {
  for (const made of [undefined, null, 5, 'pipe', () => ({})])
    assert.throws(() => pipeOf(made, silentLog), /its "create" gave no pipe: it returns an object with hooks/)
  assert.throws(() => pipeOf({ onRequest: 5 }, silentLog), /its "onRequest" is no function/)
  // A hook may be left out by a condition.
  const made = { onRequest: false, onDone: undefined, close() {} }
  assert.equal(pipeOf(made, silentLog), made)
})

test('a function that is spelled like a hook is told of, also one of a class, and no other is', () => {
  const { log, lines } = keepingLog()
  class Odd {
    onRequst() {}
    onlyOnce() {}
    onDone() {}
  }
  pipeOf(new Odd(), log)
  pipeOf({ onresponse() {}, on_request() {}, once() {}, helper() {} }, log)
  assert.deepEqual(
    lines.map(({ level, fields }) => [level, fields['found'], fields['meant']]),
    [
      ['warn', 'onRequst', 'onRequest'],
      ['warn', 'onresponse', 'onResponse'],
      ['warn', 'on_request', 'onRequest'],
    ],
  )
})

test('a pipe without any hook is told of', () => {
  const { log, lines } = keepingLog()
  pipeOf({ helper() {} }, log)
  pipeOf({ gauges: () => ({}) }, log)
  assert.deepEqual(
    lines.map(({ message }) => message),
    ['a pipe has no hooks: it does nothing'],
  )
})

for (const isolate of ['none', 'thread']) {
  test(`a pipe that cannot be made says so to the client and why in the log, isolate: ${isolate}`, async (t) => {
    const sources = {
      throwing: creating(`throw new Error('no database')`),
      empty: creating(''),
      misspelt: creating('return { onRequst() {} }'),
    }
    for (const [use, why] of [
      ['throwing', /no database/],
      ['empty', /its "create" gave no pipe/],
    ] as const) {
      const { port, lines } = await startPiped(t, sources, [{ use, isolate }])
      const answer = await request(port, 'GET', '/')
      assert.equal(answer.status, 500)
      assert.equal((answer.json() as { detail: string }).detail, `the pipe "${use}" could not be made`)
      const line = lines.find(({ message }) => message.startsWith('a pipe could not be made'))
      assert.match(String(line?.fields['error']), why)
    }
    const { port, lines } = await startPiped(t, sources, [{ use: 'misspelt', isolate }])
    assert.equal((await request(port, 'GET', '/')).status, 200)
    assert.deepEqual(
      lines.filter(({ level }) => level === 'warn').map(({ fields }) => [fields['pipe'], fields['found']]),
      [['misspelt', 'onRequst']],
    )
  })
}
