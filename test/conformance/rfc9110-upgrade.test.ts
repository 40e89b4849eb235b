// RFC 9110 sections 7.8, 15.2.2 and 15.5.22: switching protocols through a gateway that allows it for some services only.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, type TestContext, test } from 'node:test'
import { startGateway } from '../kit/gateway.js'
import { dial, listen, type Wire } from '../kit/wire.js'
import { get, members, OK, ok, type Rig, startRig } from './rig.js'

const plain = await startRig({ after })
const upgrading = (t: TestContext): Promise<Rig> =>
  startRig(t, (address) => ({ services: { ws: { servers: [address], apis: ['/ws'], upgrade: ['websocket'] } } }))

const handshake = (fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\n', target = '/ws') =>
  get(`${fields}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n`, target)
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'

/** A client and an origin that have switched to another protocol through a gateway of their own. */
async function switched(t: TestContext, early = ''): Promise<{ client: Wire; origin: Wire }> {
  const origin = await listen(t, (wire) => void wire.until(/\r\n\r\n/).then(() => wire.send(SWITCH + early)))
  const gateway = await startGateway(t, {
    services: { ws: { servers: [origin.address], apis: ['/ws'], upgrade: ['websocket'] } },
  })
  const client = await dial(t, gateway.port)
  client.send(handshake())
  assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 101 /)
  const [wire] = origin.wires
  assert.ok(wire)
  return { client, origin: wire }
}

test('RFC 9110 7.8: a forwarded Upgrade is named in Connection', async (t) => {
  const { ask } = await upgrading(t)
  const answer = await ask(handshake(), { reply: ok() })
  assert.deepEqual(members(answer.sentValues('upgrade')), ['websocket'])
  assert.ok(members(answer.sentValues('connection')).includes('upgrade'))
  assert.deepEqual(answer.sentValues('sec-websocket-version'), ['13'])
})

test('RFC 9110 7.8 SHOULD: the name of a protocol means the same in any case', async (t) => {
  const { ask } = await upgrading(t)
  const answer = await ask(handshake('connection: keep-alive, UPGRADE\r\nupgrade: WebSocket\r\n'), { reply: ok() })
  assert.deepEqual(members(answer.sentValues('upgrade')), ['websocket'])
})

test('RFC 9110 7.8: a 101 reaches the client with Upgrade, and with its option in Connection', async (t) => {
  const { client } = await switched(t)
  assert.match(client.text(), /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  assert.match(client.text(), /^Upgrade: websocket\r\n/im)
  assert.match(client.text(), /^Connection: upgrade\r\n/im)
  assert.match(client.text(), /^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/m)
  assert.doesNotMatch(client.text(), /^(content-length|transfer-encoding):/im)
})

test('RFC 9110 7.8: after a 101 every byte passes unchanged, in both directions', async (t) => {
  const { client, origin } = await switched(t)
  const head = client.text().length
  const asked = origin.text().length
  const there = randomBytes(200_000).toString('latin1') + 'GET / HTTP/1.1\r\n\r\n\0'
  const back = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' + randomBytes(200_000).toString('latin1')
  client.send(there)
  origin.send(back)
  await origin.until((all) => all.length >= asked + there.length)
  await client.until((all) => all.length >= head + back.length)
  assert.ok(origin.text().slice(asked) === there)
  assert.ok(client.text().slice(head) === back)
})

test('RFC 9110 7.8: bytes that come with the 101 are the first of the new protocol', async (t) => {
  const { client } = await switched(t, '\x81\x05hello')
  await client.until(/hello$/)
  assert.match(client.text(), /\r\n\r\n\x81\x05hello$/)
})

test('RFC 9110 7.8: the end of one side ends the other', async (t) => {
  const one = await switched(t)
  one.client.finish()
  assert.equal(await one.origin.ended(), 'closed')
  const two = await switched(t)
  two.origin.send('bye')
  two.origin.finish()
  assert.equal(await two.client.ended(), 'closed')
  assert.match(two.client.text(), /bye$/)
  const three = await switched(t)
  three.origin.reset()
  await three.client.ended()
})

test('RFC 9110 7.8: an origin that stays with HTTP/1.1 is answered for as always', async (t) => {
  const { ask } = await upgrading(t)
  const answer = await ask(handshake() + get('', '/ws'), { reply: OK, answers: 2 })
  assert.equal(answer.answers.length, 2)
  assert.deepEqual(answer.values('upgrade'), [])
  assert.equal(answer.requests[1]?.startLine, 'GET /ws HTTP/1.1')
})

test('RFC 9110 7.8: a service that allows no upgrade gets the request without it', async () => {
  const answer = await plain.ask(handshake(undefined, '/s') + get(), { answers: 2 })
  assert.equal(answer.answers.length, 2)
  assert.deepEqual(answer.sentValues('upgrade'), [])
  assert.ok(!members(answer.sentValues('connection')).includes('upgrade'))
})

test('RFC 9110 7.8: of a list only the allowed protocol goes on', async (t) => {
  const { ask } = await upgrading(t)
  const answer = await ask(handshake('Connection: Upgrade\r\nUpgrade: h2c, websocket, IRC/6.9\r\n'), { reply: ok() })
  assert.deepEqual(members(answer.sentValues('upgrade')), ['websocket'])
  const other = await ask(
    handshake('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
  )
  assert.doesNotMatch(other.sent, /upgrade|h2c|http2-settings/i)
})

test('RFC 9110 7.6.1: an Upgrade that Connection does not name is ignored', async (t) => {
  const { ask } = await upgrading(t)
  const answer = await ask(handshake('Upgrade: websocket\r\n'))
  assert.deepEqual(answer.sentValues('upgrade'), [])
})

test('RFC 9110 7.8: an Upgrade in HTTP/1.0 is ignored', async (t) => {
  const { ask } = await upgrading(t)
  const answer = await ask(handshake().replace('HTTP/1.1', 'HTTP/1.0'), { toEnd: true })
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.sentValues('upgrade'), [])
})

for (const [what, bytes, reply] of [
  ['nobody asked', get('', '/ws'), SWITCH],
  ['the service does not allow it', handshake(undefined, '/s'), SWITCH],
  ['it is to another protocol', handshake(), SWITCH.replace('Upgrade: websocket', 'Upgrade: h2c')],
  ['it names none', handshake(), SWITCH.replace('Upgrade: websocket\r\n', '')],
] as const) {
  test(`RFC 9110 7.8: a switch where ${what} is not passed on`, async (t) => {
    const { ask } = await upgrading(t)
    const answer = await ask(bytes, { reply })
    assert.equal(answer.status, 502)
    assert.doesNotMatch(answer.raw, / 101 /)
  })
}

test('RFC 9110 7.8: with an expectation the 100 comes before the 101, if the origin is asked to switch at all', async (t) => {
  const rig = await upgrading(t)
  const post = handshake('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\nExpect: 100-continue\r\n')
  const wire = await dial(t, rig.gateway.port)
  rig.script(async (r) => {
    r.send('HTTP/1.1 100 Continue\r\n\r\n')
    await r.body()
    r.send(r.field('upgrade') === undefined ? OK : SWITCH)
  })
  wire.send(post.replace('GET', 'POST'))
  await wire.until(/^HTTP\/1\.1 100 [^]*\r\n\r\n/)
  wire.send('hi')
  assert.match(await wire.until(/ (101|200) [^]*\r\n\r\n/), /^HTTP\/1\.1 100 [^]*HTTP\/1\.1 (101|200) /)
})

test('RFC 9110 15.5.22: a 426 says to which protocols, whether the service may switch or not', async (t) => {
  const { ask } = await upgrading(t)
  const reply =
    'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n'
  for (const target of ['/ws', '/s']) {
    const answer = await ask(get('', target), { reply })
    assert.equal(answer.status, 426)
    assert.deepEqual(answer.values('upgrade'), ['websocket'])
    assert.ok(members(answer.values('connection')).includes('upgrade'))
  }
})

test('RFC 9110 7.6.1: an Upgrade that an origin advertises in another answer ends here', async (t) => {
  const { ask } = await upgrading(t)
  const answer = await ask(get('', '/ws'), { reply: ok('Upgrade: h2c\r\nConnection: Upgrade\r\n') })
  assert.deepEqual(answer.values('upgrade'), [])
})
