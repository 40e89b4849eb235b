// What the runs of bench/endurance say, as a test takes it: bounds that depend on how fast the machine is are left to the bench.
import assert from 'node:assert/strict'
import type { Check } from '../../../bench/endurance/check.js'

export function assertHeld(checks: readonly Check[]): void {
  const broken = checks.filter(({ held, timed }) => !held && !timed)
  assert.deepEqual(
    broken.map(({ what, seen, bound }) => `${what}: ${seen}, not ${bound}`),
    [],
  )
}
