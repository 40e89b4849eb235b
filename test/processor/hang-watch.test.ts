// Who is taken for hanging: a silent worker after its time, one that starts after more of it, nobody after a stall.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { watchForHangs } from '../../processor/supervisor/hang-watch.js'
import type { WorkerProcess } from '../../processor/supervisor/worker-process.js'
import { silentLog } from '../../shared/log.js'
import { fakeClock } from '../kit/clock.js'

const LOOK_MS = 100

/** A watch over one worker at a time, which is asked every 100 ms. */
function watched(t: TestContext, state: WorkerProcess['state']) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const clock = fakeClock()
  const workers = new Set<WorkerProcess>()
  let killed = 0
  const put = () => {
    workers.clear()
    workers.add({ name: 'w', pid: 0, state, heardAt: clock.now(), kill: () => killed++ } as unknown as WorkerProcess)
  }
  put()
  t.after(watchForHangs(workers, 5 * LOOK_MS, { clock, log: silentLog }))
  const look = async () => {
    await clock.advance(LOOK_MS)
    t.mock.timers.tick(LOOK_MS)
  }
  return {
    clock,
    put,
    look,
    /** Seconds until it is killed. */
    async killedAfter() {
      const before = killed
      const from = clock.now()
      while (killed === before && clock.now() - from < 400_000) await look()
      return Math.floor((clock.now() - from) / 1000)
    },
    get killed() {
      return killed
    },
  }
}

test('a worker that is slow to start is given up, and the next one gets twice as long', async (t) => {
  const { put, killedAfter } = watched(t, 'starting')
  const seconds: number[] = []
  for (let i = 0; i < 6; i++) {
    seconds.push(await killedAfter())
    put()
  }
  assert.deepEqual(seconds, [15, 30, 60, 120, 240, 240])
})

test('a worker that serves and falls silent is killed once', async (t) => {
  const watch = watched(t, 'serving')
  assert.equal(await watch.killedAfter(), 0)
  await watch.look()
  assert.equal(watch.killed, 1)
})

test('after a stall of the watching process nobody is taken for silent', async (t) => {
  const watch = watched(t, 'serving')
  await watch.look()
  await watch.clock.advance(60_000)
  await watch.look()
  assert.equal(watch.killed, 0)
})
