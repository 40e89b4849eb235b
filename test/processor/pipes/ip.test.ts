// The pipe `ip` over real sockets, and the lists that it goes by.
import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { createAddressList, digitsOf } from '../../../processor/pipes/auth/address-list.js'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'

/** A gateway that believes what the test says of the client's address. */
async function startBehindProxy(t: Cleanup, options: Record<string, unknown>) {
  const origin = await startOrigin(t, (req) => req.answer(200, 'in'))
  const gateway = await startGateway(t, {
    processor: { trusted_proxies: ['127.0.0.1'], pipes: [{ use: 'ip', ...options }] },
    services: { api: { servers: [origin.address], apis: ['/'] } },
  })
  const from = async (address: string) =>
    (await request(gateway.port, 'GET', '/', { fields: { 'X-Forwarded-For': address } })).status
  return { gateway, origin, from }
}

test('an address that is allowed passes, another one gets 403 and no instance hears of it', async (t) => {
  const { gateway, origin, from } = await startBehindProxy(t, { allow: ['10.0.0.0/8', '2001:db8::/32'] })
  assert.deepEqual([await from('10.1.2.3'), await from('2001:db8:5::1')], [200, 200])
  assert.equal(origin.requests.length, 2)
  assert.deepEqual([await from('11.1.2.3'), await from('2001:db9::1')], [403, 403])
  const refused = await request(gateway.port, 'GET', '/', { fields: { 'X-Forwarded-For': '11.1.2.3' } })
  assert.equal(refused.field('content-type'), 'application/problem+json')
  assert.equal((refused.json() as { type: string }).type, 'urn:serverpy:error:forbidden')
  assert.equal(origin.requests.length, 2)
})

test('an address that is denied does not pass, even where it is allowed', async (t) => {
  const { origin, from } = await startBehindProxy(t, { allow: ['10.0.0.0/8'], deny: ['10.9.0.0/16', '::1'] })
  assert.deepEqual([await from('10.9.1.1'), await from('10.8.1.1'), await from('::1')], [403, 200, 403])
  assert.equal(origin.requests.length, 1)
})

test('IPv4 that is written as IPv6 is the same address', async (t) => {
  const { from } = await startBehindProxy(t, { deny: ['10.0.0.0/8', '::ffff:192.0.2.0/120'] })
  for (const address of ['::ffff:10.1.1.1', '::ffff:a01:101', '0:0:0:0:0:FFFF:0A01:0101', '192.0.2.77'])
    assert.equal(await from(address), 403, address)
  assert.equal(await from('::ffff:11.1.1.1'), 200)
})

test('what a forwarder says that is no address never passes', async (t) => {
  const { origin, from } = await startBehindProxy(t, { deny: ['10.0.0.0/8'] })
  assert.deepEqual([await from('unknown'), await from('1.2.3'), await from('_hidden')], [403, 403, 403])
  assert.equal(origin.requests.length, 0)
  assert.deepEqual([await from('10.0.0.1:4711'), await from('[2001:db8::1]:443')], [403, 200])
})

test('without a trusted proxy what clients say of their address counts for nothing', async (t) => {
  const origin = await startOrigin(t, (req) => req.answer(200))
  const services = { api: { servers: [origin.address], apis: ['/'], pipes: [{ use: 'ip', deny: ['127.0.0.1'] }] } }
  const { port } = await startGateway(t, { services })
  assert.equal((await request(port, 'GET', '/', { fields: { 'X-Forwarded-For': '8.8.8.8' } })).status, 403)
  assert.equal(origin.requests.length, 0)
})

test('a refusal may be empty', async (t) => {
  const { gateway } = await startBehindProxy(t, { allow: ['10.0.0.1'], refusal: 'empty' })
  const answer = await request(gateway.port, 'GET', '/')
  assert.deepEqual([answer.status, answer.text(), answer.field('content-type')], [403, '', undefined])
})

test('a block that is none is a fault with its place', () => {
  const { faults } = saidOf({ use: 'ip', allow: ['10.0.0.0/33'] })
  assert.equal(faults.length, 1)
  assert.match(
    faults[0] ?? '',
    /^test\.json:6:10 {2}services\.api\.pipes\[0\]\.allow\[0\] {2}not an IP address or CIDR block/,
  )
  assert.match(saidOf({ use: 'ip' }).faults[0] ?? '', /there is no address/)
})

const listed = (blocks: readonly string[], address: string) => createAddressList(blocks).has(digitsOf(address) ?? '')

test('a block wider than the place of IPv4 in IPv6 takes all of IPv4', () => {
  assert.ok(listed(['::/0'], '9.9.9.9') && listed(['::/0'], '2001:db8::1'))
  assert.ok(!listed(['2000::/3'], '9.9.9.9') && listed(['2000::/3'], '3fff::1') && !listed(['2000::/3'], '4000::'))
  assert.equal(digitsOf('fe80::1%eth0'), 'fe80000000000000000000000000000' + '1')
})

test('a list finds what the blocks of Node find, however many there are and however they overlap', () => {
  const part = fc.nat(255)
  const four = fc.tuple(fc.constantFrom(10, 11), fc.nat(3), part, part).map((parts) => parts.join('.'))
  const six = fc.tuple(fc.nat(3), fc.nat(0xffff)).map(([a, b]) => `2001:db8:${a.toString(16)}::${b.toString(16)}`)
  const block = fc.oneof(
    fc.tuple(four, fc.integer({ min: 0, max: 32 })).map(([address, bits]) => [address, bits, 'ipv4'] as const),
    fc.tuple(six, fc.integer({ min: 16, max: 128 })).map(([address, bits]) => [address, bits, 'ipv6'] as const),
  )
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), fc.oneof(four, six), (blocks, address) => {
      const known = new BlockList()
      for (const [network, bits, family] of blocks) known.addSubnet(network, bits, family)
      const expected = known.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
      // What is narrower than IPv6 as a whole never takes IPv4 here; Node has no block that takes both.
      const texts = blocks.map(([network, bits]) => `${network}/${bits}`)
      assert.equal(listed(texts, address), expected, `${address} in ${texts.join()}`)
    }),
    { numRuns: 1000 },
  )
})
