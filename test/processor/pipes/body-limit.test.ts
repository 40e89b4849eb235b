// The pipe `body-limit` over real sockets: what is refused by what it says, and what by what comes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAnswer, rawRequest, request } from '../../kit/http.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

test('a body that says that it is too long is refused at once, and no instance hears of it', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'body-limit', bytes: 10 }])
  assert.equal((await request(port, 'POST', '/', { body: 'x'.repeat(10) })).status, 200)
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n'
  const refused = parseAnswer(await rawRequest(port, head))
  assert.equal(refused.status, 413)
  assert.equal((refused.json() as { type: string }).type, 'urn:serverpy:error:body-too-large')
  assert.equal((await request(port, 'GET', '/')).status, 200)
  assert.equal(origin.requests.length, 2)
})

test('a body of unknown length is refused when it has become too long', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'body-limit', bytes: 10 }])
  const ask = async (chunks: string[]) => {
    const body = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
    return parseAnswer(await rawRequest(port, [head, `${body}0\r\n\r\n`]))
  }
  const fits = await ask(['hello', 'world'])
  assert.deepEqual([fits.status, fits.text()], [200, 'POST / helloworld'])
  assert.equal((await ask(['hello', 'world', '!'])).status, 413)
  assert.equal(origin.requests.length <= 2, true)
})

test('types have limits of their own', async (t) => {
  const { port } = await startPiped(t, {}, [
    { use: 'body-limit', bytes: 5, types: { 'image/*': 100, 'image/png': 20, '*+json': 50 } },
  ])
  const status = async (type: string, bytes: number) =>
    (await request(port, 'POST', '/', { body: 'x'.repeat(bytes), fields: { 'Content-Type': type } })).status
  assert.deepEqual([await status('text/plain', 5), await status('text/plain', 6)], [200, 413])
  assert.deepEqual([await status('image/gif', 100), await status('IMAGE/PNG; x=y', 21)], [200, 413])
  assert.deepEqual([await status('application/a+json', 50), await status('application/json', 6)], [200, 413])
})

test('nobody gets a longer body past the limits by telling two types of it', async (t) => {
  const { port, origin } = await startPiped(t, {}, [
    { use: 'body-limit', bytes: 50, types: { 'image/*': 100, 'a/b': 5 } },
  ])
  for (const lines of [
    'Content-Type: image/png\r\nContent-Type: text/plain\r\n',
    'Content-Type: image/png, text/plain\r\n',
    'Content-Type: image/\r\n',
  ]) {
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n${lines}\r\n`
    assert.equal(parseAnswer(await rawRequest(port, head)).status, 413, lines)
  }
  assert.equal(origin.requests.length, 0)
})

test('faults of the config', () => {
  const faults = (options: object) => saidOf({ use: 'body-limit', ...options }).faults.join()
  assert.match(faults({}), /needs "bytes" or "types"/)
  assert.match(faults({ types: { json: 5 } }), /not a media type/)
  assert.match(faults({ bytes: '5 apples' }), /not a size/)
})
