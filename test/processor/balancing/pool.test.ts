// Who gets the next request: tiers first, then fair shares, and never one that was tried while another is left.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPool, type Pool, type PoolDeps } from '../../../processor/balancing/pool.js'
import { BALANCE } from '../../../shared/config/defaults.js'
import type { BalanceConfig } from '../../../shared/config/model.js'
import { count, type Fake, fake, request, seeded, times } from './candidates.js'

const deps: PoolDeps = { isSelf: () => false, zone: undefined, secret: Buffer.from('secret'), random: seeded() }

function pool(all: readonly Fake[], balance: Partial<BalanceConfig> = {}, more: Partial<PoolDeps> = {}): Pool<Fake> {
  return createPool(all, { ...BALANCE, ...balance }, { ...deps, ...more })
}

const shares = (from: Pool<Fake>, many: number) => count(times(many, () => from.pick(request(), [])))

/** Ids in the order in which they are tried. */
function row(next: (tried: readonly Fake[]) => Fake | undefined): string[] {
  const tried: Fake[] = []
  for (let one = next(tried); one !== undefined; one = next(tried)) tried.push(one)
  return tried.map(({ id }) => id)
}

const bar = (all: readonly Fake[], ...ids: string[]) => {
  for (const one of all) one.barred = ids.includes(one.id)
}

test('equal weights share exactly', () => {
  assert.deepEqual(shares(pool([fake('a'), fake('b'), fake('c')]), 300), { a: 100, b: 100, c: 100 })
})

test('only the best tier takes requests: up before unknown, then by priority', () => {
  const all = [
    fake('high', { priority: 'high' }),
    fake('med', { priority: 'med' }),
    fake('low', { priority: 'low' }),
    fake('unset'),
    fake('unknown-high', { priority: 'high', health: 'unknown' }),
    fake('unknown', { health: 'unknown' }),
  ]
  for (let i = 0; i < all.length; i++) assert.deepEqual(shares(pool(all.slice(i)), 10), { [all[i]?.id ?? '']: 10 })
})

test('down, drained, withdrawn and weightless instances take nothing', () => {
  const all = [
    fake('a', { health: 'down' }),
    fake('b', { override: 'drain' }),
    fake('c', { override: 'out-of-service' }),
    fake('d', { weight: 0 }),
  ]
  assert.deepEqual(shares(pool(all), 1), { none: 1 })
})

test('what was tried is passed over, tier after tier, until none is left', () => {
  const all = [
    fake('a', { priority: 'high' }),
    fake('b', { priority: 'high', weight: 5 }),
    fake('c'),
    fake('d', { health: 'unknown' }),
  ]
  for (const spillBelow of [0, 0.5, 1]) {
    const from = pool(all, { spillBelow })
    const ids = row((tried) => from.pick(request(), tried))
    assert.deepEqual(new Set(ids.slice(0, 2)), new Set(['a', 'b']))
    assert.deepEqual(ids.slice(2), ['c', 'd'])
  }
})

test('the next tier takes over when all of a tier are barred, and gives back when one is not', () => {
  const all = [fake('a', { priority: 'high' }), fake('b', { priority: 'high' }), fake('c')]
  const from = pool(all)
  bar(all, 'a')
  assert.deepEqual(shares(from, 10), { b: 10 })
  bar(all, 'a', 'b')
  assert.deepEqual(shares(from, 10), { c: 10 })
  bar(all)
  assert.deepEqual(shares(from, 10), { a: 5, b: 5 })
})

test('the next tier joins while the better ones together have fewer instances than wanted', () => {
  const all = [
    fake('a', { priority: 'high' }),
    fake('b', { priority: 'high' }),
    fake('c', { priority: 'med' }),
    fake('d', { priority: 'low' }),
  ]
  const from = pool(all, { minInstances: 2 })
  assert.deepEqual(shares(from, 12), { a: 6, b: 6 })
  bar(all, 'a')
  assert.deepEqual(shares(from, 12), { b: 6, c: 6 })
  bar(all, 'a', 'b')
  assert.deepEqual(shares(from, 12), { c: 6, d: 6 })
  bar(all, 'a', 'c')
  assert.deepEqual(shares(from, 12), { b: 6, d: 6 })
  bar(all, 'a', 'b', 'c')
  assert.deepEqual(shares(from, 12), { d: 12 })
  // One that polls call down is missed as much.
  const down = [fake('a', { priority: 'high', health: 'down' }), ...all.slice(1)]
  bar(all)
  assert.deepEqual(shares(pool(down, { minInstances: 2 }), 12), { b: 6, c: 6 })
  assert.deepEqual(shares(pool(all, { minInstances: 9 }), 12), { a: 3, b: 3, c: 3, d: 3 })
})

test('with a spill-over the next tier helps out while too few of a tier are left, all taking turns', () => {
  const high = ['a', 'b', 'c', 'd'].map((id) => fake(id, { priority: 'high' }))
  const all = [...high, fake('m', { priority: 'med' }), fake('n', { priority: 'med' }), fake('z')]
  const from = pool(all, { spillBelow: 0.5 })
  bar(all, 'a', 'b')
  assert.deepEqual(shares(from, 10), { c: 5, d: 5 })
  bar(all, 'a', 'b', 'c')
  assert.deepEqual(shares(from, 9), { d: 3, m: 3, n: 3 })
  bar(all, 'a', 'b', 'c', 'm')
  assert.deepEqual(shares(from, 8), { d: 4, n: 4 })
  bar(all, 'a', 'b', 'c', 'm', 'n')
  assert.deepEqual(shares(from, 8), { d: 4, z: 4 })
  bar(all)
  assert.deepEqual(shares(from, 8), { a: 2, b: 2, c: 2, d: 2 })
})

test('members that are down, unknown or drained are missing from their tier too', () => {
  const next = fake('m', { priority: 'med' })
  const spare = { health: 'down' as const, priority: 'high' as const }
  const up = fake('a', { priority: 'high' })
  const with3 = (more: readonly Fake[]) => shares(pool([up, ...more, next], { spillBelow: 0.6 }), 10)
  assert.deepEqual(with3([]), { a: 10 })
  assert.deepEqual(with3([fake('b', spare)]), { a: 5, m: 5 })
  assert.deepEqual(with3([fake('b', { priority: 'high', override: 'drain' })]), { a: 5, m: 5 })
  assert.deepEqual(with3([fake('b', { priority: 'high', health: 'unknown' })]), { a: 5, m: 5 })
  assert.deepEqual(with3([fake('b', { priority: 'high', weight: 0 })]), { a: 10 }, 'never counted upon')
  assert.deepEqual(with3([fake('b', { health: 'down' })]), { a: 10 }, 'of another tier')
})

test('unknown instances never help out good ones while there is a good one in a lower tier', () => {
  const all = [
    fake('a', { priority: 'high' }),
    fake('b', { priority: 'high', health: 'down' }),
    fake('u', { priority: 'high', health: 'unknown' }),
    fake('z'),
  ]
  const from = pool(all, { spillBelow: 1 })
  assert.deepEqual(shares(from, 10), { a: 5, z: 5 })
})

test('a tier of unknown ones is measured by those that are not better off', () => {
  const up = ['a', 'b', 'c'].map((id) => fake(id, { priority: 'high' }))
  const all = [...up, fake('u', { priority: 'high', health: 'unknown' }), fake('v', { health: 'unknown' })]
  bar(all, 'a', 'b', 'c')
  assert.deepEqual(shares(pool(all, { spillBelow: 0.5 }), 10), { u: 10 })
})

test('the own zone comes first inside a priority, never before a better priority or a better health', () => {
  const all = [
    fake('far-high', { priority: 'high', zone: 'west' }),
    fake('near', { zone: 'east' }),
    fake('far', { zone: 'west' }),
    fake('nowhere', {}),
    fake('near-unknown', { zone: 'east', health: 'unknown' }),
  ]
  const from = pool(all, { preferZone: true }, { zone: 'east' })
  const ids = row((tried) => from.pick(request(), tried))
  assert.deepEqual(ids.slice(0, 2), ['far-high', 'near'])
  assert.deepEqual(new Set(ids.slice(2, 4)), new Set(['far', 'nowhere']))
  assert.deepEqual(ids.slice(4), ['near-unknown'])
})

test('zones do not matter unless the service wants it and the processor has one', () => {
  const all = [fake('near', { zone: 'east' }), fake('far', { zone: 'west' })]
  assert.deepEqual(shares(pool(all, { preferZone: false }, { zone: 'east' }), 10), { near: 5, far: 5 })
  assert.deepEqual(shares(pool(all, { preferZone: true }), 10), { near: 5, far: 5 })
})

test('another zone helps out when too few of the own one are left', () => {
  const all = [
    fake('a', { zone: 'east' }),
    fake('b', { zone: 'east' }),
    fake('far', { zone: 'west' }),
    fake('low', { priority: 'low', zone: 'east', health: 'unknown' }),
  ]
  const from = pool(all, { preferZone: true, spillBelow: 0.6 }, { zone: 'east' })
  assert.deepEqual(shares(from, 10), { a: 5, b: 5 })
  bar(all, 'a')
  assert.deepEqual(shares(from, 10), { b: 5, far: 5 })
})

test('in panic those that polls call down are tried, never those that somebody took out, that weigh nothing or are barred', () => {
  const all = [
    fake('a', { health: 'down' }),
    fake('b', { health: 'down', priority: 'high' }),
    fake('c', { health: 'down', override: 'drain' }),
    fake('d', { health: 'down', override: 'out-of-service' }),
    fake('e', { health: 'down', weight: 0 }),
    fake('f', { health: 'down' }),
    fake('up'),
  ]
  bar(all, 'f', 'up')
  const from = pool(all)
  assert.equal(from.pick(request(), []), undefined)
  assert.deepEqual(row((tried) => from.pickInPanic(request(), tried)).sort(), ['a', 'b'])
})

test('panic: refuse leaves nobody', () => {
  assert.equal(pool([fake('a', { health: 'down' })], { panic: 'refuse' }).pickInPanic(request(), []), undefined)
})

test('the processor itself is passed over, unless there is nobody else', () => {
  const all = [fake('self'), fake('other', { priority: 'low' }), fake('down', { health: 'down' })]
  const isSelf = ({ id }: { readonly id: string }) => id === 'self'
  const beside = pool(all, {}, { isSelf })
  assert.equal(beside.loops, false)
  assert.deepEqual(shares(beside, 10), { other: 10 })
  const alone = pool(all.slice(0, 1), {}, { isSelf })
  assert.equal(alone.loops, true)
  assert.deepEqual(shares(alone, 10), { self: 10 })
  assert.equal(pool([], {}, { isSelf }).loops, false)
})

test('the configured strategy rules inside a tier', () => {
  const all = [fake('a', { priority: 'low' }), fake('b', { priority: 'low' }), fake('c')]
  const [busy] = all
  assert.ok(busy)
  busy.inFlight = 1
  assert.deepEqual(shares(pool(all, { strategy: 'least-connections' }), 10), { b: 10 })
})
