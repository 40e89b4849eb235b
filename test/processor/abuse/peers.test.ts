// Clients and instances that are slow, stopped or broken: short forms of what bench/endurance does for long.
import { test } from 'node:test'
import { resets } from '../../../bench/endurance/runs/resets.js'
import { slowloris } from '../../../bench/endurance/runs/slowloris.js'
import { stop } from '../../../bench/endurance/runs/stop.js'
import { assertHeld } from './held.js'

const LONG = { timeout: 120_000 }

test(
  'clients that drip a head, stop within a body or read nothing are cut off, and others are served meanwhile',
  LONG,
  async (t) => {
    // More than two kernels take for a client that reads nothing.
    const size = { attackers: 30, unreadBytes: 2 ** 24, rampMs: 200, watchMs: 300, limitMs: 1000, perSecond: 100 }
    assertHeld(await slowloris(t, { attacks: ['head', 'silence', 'read'], ...size }))
  },
)

test(
  'an instance or a client that is stopped in mid-body meets the limits and leaves nothing behind',
  LONG,
  async (t) => {
    assertHeld(await stop(t, { each: 5, perSecond: 100, limitMs: 1000 }))
  },
)

test('resets on both sides leak nothing and mix nobody up', LONG, async (t) => {
  assertHeld(await resets(t, { count: 400, concurrency: 50, perSecond: 200, mostGrowthMb: 64 }))
})
