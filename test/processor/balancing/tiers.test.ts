// Where an instance stands and why, in the words that operators read.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { standing } from '../../../processor/balancing/tiers.js'
import type { Instance } from '../../../shared/registry/instance.js'
import { fake } from './candidates.js'

const at = (more: Partial<Instance>, zone?: string) => standing(fake('a', more).instance, zone)

test('an override stands above health, health above weight', () => {
  const cases: readonly (readonly [Partial<Instance>, string, boolean])[] = [
    [{ override: 'drain', health: 'down' }, 'drained by override', false],
    [{ override: 'out-of-service', weight: 0 }, 'out of service by override', false],
    [{ health: 'down' }, 'down', true],
    [{ health: 'down', weight: 0 }, 'down', false],
    [{ weight: 0 }, 'weight 0', false],
  ]
  for (const [more, reason, panic] of cases) assert.deepEqual(at(more), { tier: undefined, panic, reason })
})

test('those that may take requests stand by health, then priority, and the reason says so', () => {
  const row = [
    at({ priority: 'high' }),
    at({ priority: 'med' }),
    at({ priority: 'low' }),
    at({}),
    at({ priority: 'high', health: 'unknown' }),
    at({ health: 'unknown' }),
  ]
  const tiers = row.map(({ tier }) => tier ?? NaN)
  assert.deepEqual(
    tiers,
    [...new Set(tiers)].sort((a, b) => a - b),
  )
  assert.equal(row[0]?.tier, 0)
  assert.equal(row[1]?.reason, 'up, priority med')
  assert.equal(row[5]?.reason, 'unknown, priority unset')
})

test('where zones matter they stand by them last, and the reason says so', () => {
  const row = [
    at({ priority: 'high', zone: 'east' }, 'east'),
    at({ priority: 'high', zone: 'west' }, 'east'),
    at({ zone: 'east' }, 'east'),
    at({}, 'east'),
    at({ zone: 'east', health: 'unknown' }, 'east'),
    at({ zone: 'west', health: 'unknown' }, 'east'),
  ]
  const tiers = row.map(({ tier }) => tier ?? NaN)
  assert.deepEqual(
    tiers,
    [...new Set(tiers)].sort((a, b) => a - b),
  )
  assert.equal(row[0]?.reason, 'up, priority high, own zone')
  assert.equal(row[3]?.reason, 'up, priority unset, another zone')
})
