// Bytes that wait for their turn: what has been taken from them stays as it is, whatever is kept after it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeldBytes } from '../../../processor/engine/held-bytes.js'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { dial } from '../../kit/wire.js'

test('a piece that was taken is not written over by the rest that is kept, nor by what comes then', () => {
  const held = new HeldBytes()
  held.keep(Buffer.from('aaaabbbbbbbbcccc'), 0, 16)
  const length = held.join(Buffer.from('dd'), 2)
  const { bytes } = held
  assert.equal(bytes.toString('latin1', 0, length), 'aaaabbbbbbbbccccdd')
  const taken = bytes.subarray(4, 12)
  held.keep(bytes, 12, length)
  const again = held.join(Buffer.from('e'.repeat(100)), 100)
  assert.equal(held.bytes.toString('latin1', 0, again), `ccccdd${'e'.repeat(100)}`)
  assert.equal(taken.toString(), 'bbbbbbbb')
})

test('what comes byte by byte is joined in its order', () => {
  const held = new HeldBytes()
  const text = 'x'.repeat(300) + 'y'.repeat(300)
  let length = 0
  for (const byte of Buffer.from(text)) {
    if (length > 0) held.keepHead(held.bytes, 0, length)
    length = held.join(Buffer.from([byte]), 1)
  }
  assert.equal(held.bytes.toString('latin1', 0, length), text)
})

test('a body that was sent ahead arrives as it was sent, whatever comes behind it', async (t) => {
  let release = (): void => undefined
  const slow = await startOrigin(t, (r) => (release = () => r.answer(200, 'a')))
  const bodies: string[] = []
  const origin = await startOrigin(t, async (r) => {
    bodies.push((await r.body()).toString())
    r.answer(200, 'b')
  })
  const services = { a: { servers: [slow.address], apis: ['/a'] }, b: { servers: [origin.address], apis: ['/b'] } }
  const gateway = await startGateway(t, { services })
  const client = await dial(t, gateway.port)
  const body = 'b'.repeat(40_000)
  client.send('GET /a HTTP/1.1\r\nHost: h\r\n\r\n')
  await waitFor(() => slow.requests.length === 1)
  client.send(`POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  client.send(`GET /b HTTP/1.1\r\nHost: h\r\nX-Filler: ${'c'.repeat(4000)}\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n`)
  // By the time that another has been served, all of that has been read.
  for (let i = 0; i < 3; i++) await request(gateway.port, 'HEAD', '/other')
  release()
  await client.until((text) => text.split('HTTP/1.1 200').length === 5)
  assert.deepEqual(bodies, [body, '', ''])
})
