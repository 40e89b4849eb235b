// How answers are written, and how one is passed on as it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OriginRequest } from '../../kit/origin.js'
import { serve, status } from './serving.js'

const JSON_TYPE = 'application/json; charset=utf-8'
const users = { service: 'users', path: '/users/{id}' }

test('an answer that is passed on keeps its status, its fields and its body, byte for byte', async (t) => {
  const bytes = Buffer.from([0, 255, 1, 254])
  const teapot = (asked: OriginRequest) => {
    asked.send(
      'HTTP/1.1 418 Teapot\r\nContent-Length: 4\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Type: x/y\r\n\r\n',
    )
    asked.send(bytes)
  }
  const { ask } = await serve(t, { users: teapot }, { merge: [users], output: 'no-op', cache_ttl: 60 })
  const answer = await ask()
  assert.equal(answer.status, 418)
  assert.deepEqual(answer.body, bytes)
  assert.deepEqual(
    answer.fields.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value),
    ['a=1', 'b=2'],
  )
  assert.equal(answer.field('content-type'), 'x/y')
  assert.equal(answer.field('cache-control'), undefined)
  assert.equal(answer.field('serverpy-completed'), undefined)
})

test('an answer that is passed on may have no body at all, and HEAD gets its length', async (t) => {
  const { ask } = await serve(t, { users: status(204) }, { merge: [users], output: 'no-op' })
  const answer = await ask()
  assert.equal(answer.status, 204)
  assert.equal(answer.field('content-length'), undefined)
  const reset = await (await serve(t, { users: status(205, 'x') }, { merge: [users], output: 'no-op' })).ask()
  assert.deepEqual([reset.status, reset.text(), reset.field('content-length')], [205, '', '0'])
  const data = await serve(t, { users: '{"a":1}' }, { merge: [users] })
  const head = await data.ask('/m/1', { method: 'HEAD' })
  assert.equal(head.field('content-length'), '7')
  assert.equal(head.text(), '')
  assert.equal(data.origins['users']?.requests[0]?.method, 'GET')
})

test('the answer is written as the config says, or as the client wishes', async (t) => {
  const written = async (output: string, accept?: string, body = '{"user":{"b":1,"a":"x"},"content":"text"}') => {
    const { ask } = await serve(t, { users: body }, { merge: [users], output })
    const answer = await ask('/m/1', { fields: accept === undefined ? {} : { Accept: accept } })
    return `${answer.field('content-type')} ${answer.text()}`
  }
  const json = `${JSON_TYPE} {"content":"text","user":{"a":"x","b":1}}`
  const xml = 'application/xml; charset=utf-8 <doc><content>text</content><user><a>x</a><b>1</b></user></doc>'
  const yaml = 'application/yaml; charset=utf-8 content: text\nuser:\n  a: x\n  b: 1\n'
  assert.equal(await written('json'), json)
  assert.equal(await written('xml'), xml)
  assert.equal(await written('yaml'), yaml)
  assert.equal(await written('string'), 'text/plain; charset=utf-8 text')
  assert.equal(await written('json-collection'), `${JSON_TYPE} []`)
  assert.equal(
    await written('json-collection', undefined, '{"collection":[{"b":1,"a":2}]}'),
    `${JSON_TYPE} [{"a":2,"b":1}]`,
  )
  for (const [accept, expected] of [
    [undefined, json],
    ['*/*', json],
    ['text/html', json],
    ['application/xml', xml],
    ['text/plain', yaml],
    ['application/json;q=0, text/xml', xml],
  ] as const)
    assert.equal(await written('negotiate', accept), expected, accept)
})

test('the clients of an imported config see the types that they have always seen', async (t) => {
  const type = async (output: string) => {
    const route = { merge: [users], output, forwarding: 'strict', input_headers: [], completed: 'X-Krakend-Completed' }
    const { ask } = await serve(t, { users: { a: 1 } }, route)
    const answer = await ask()
    assert.equal(answer.field('x-krakend-completed'), 'true')
    return answer.field('content-type')
  }
  assert.equal(await type('json'), JSON_TYPE)
  assert.equal(await type('xml'), 'application/xml')
  assert.equal(await type('yaml'), 'application/x-yaml; charset=utf-8')
})

test('an answer that is passed on for an imported config says that nobody knows whether it is whole', async (t) => {
  const route = { merge: [users], output: 'no-op', forwarding: 'strict', completed: 'X-Krakend-Completed' }
  const { ask } = await serve(t, { users: { a: 1 } }, route)
  assert.equal((await ask()).field('x-krakend-completed'), 'false')
})
