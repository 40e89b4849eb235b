// A window's counts against the list of all that happened.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ShareWindow } from '../../../processor/resilience/share-window.js'

test('a window counts what happened in its last ten buckets, and nothing else', () => {
  const events = fc.array(fc.tuple(fc.integer({ min: 0, max: 2500 }), fc.boolean()), { maxLength: 100 })
  fc.assert(
    fc.property(events, fc.integer({ min: 0, max: 5000 }), (all, startMs) => {
      const window = new ShareWindow(1000)
      const seen: { readonly bucket: number; readonly some: boolean }[] = []
      let now = startMs
      for (const [ms, some] of all) {
        now += ms % 3 === 0 ? ms : ms / 20
        window.turn(now)
        const within = seen.filter(({ bucket }) => bucket > Math.floor(now / 100) - 10)
        assert.equal(window.all, within.length)
        assert.equal(window.some, within.filter((one) => one.some).length)
        window.add(now, 1, some ? 1 : 0)
        seen.push({ bucket: Math.floor(now / 100), some })
      }
    }),
  )
})
