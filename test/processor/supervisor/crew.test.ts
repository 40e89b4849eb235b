// The crew: as many workers as wanted, whatever happens to them, and never fewer while they are replaced.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCrew, type Crew } from '../../../processor/supervisor/crew.js'
import type { WorkerProcess } from '../../../processor/supervisor/worker-process.js'
import { silentLog } from '../../../shared/log.js'
import { fakeClock } from '../../kit/clock.js'

interface FakeWorker {
  readonly name: string
  readonly pid: number
  readonly bornAt: number
  state: string
  retiring: boolean
  killed: boolean
  retire(): void
  kill(): void
}

/** `lives`: whether a worker that is spawned comes to serve; else it dies at once. */
function setUp(wanted: number, { drainMs = 0 } = {}) {
  const clock = fakeClock()
  const all: FakeWorker[] = []
  let lives = true
  let fewest = Infinity
  const crew: Crew = createCrew(wanted, { clock, log: silentLog, drainMs: () => drainMs, spawn })

  function spawn(): WorkerProcess {
    const worker: FakeWorker = {
      name: `w${all.length + 1}`,
      pid: all.length + 1,
      bornAt: clock.now(),
      state: 'starting',
      retiring: false,
      killed: false,
      retire() {
        worker.retiring = true
        worker.state = 'draining'
      },
      kill() {
        worker.killed = true
        exit(worker)
      },
    }
    all.push(worker)
    const does = lives
    setImmediate(() => {
      if (!does) return exit(worker)
      worker.state = 'serving'
      crew.serving(worker as unknown as WorkerProcess)
      look()
    })
    return worker as unknown as WorkerProcess
  }

  const serving = () => all.filter(({ state }) => state === 'serving').map(({ name }) => name)
  function look(): void {
    fewest = Math.min(fewest, serving().length)
  }
  function exit(worker: FakeWorker): void {
    worker.state = 'gone'
    crew.exited(worker as unknown as WorkerProcess, 'test')
    look()
  }
  return {
    clock,
    crew,
    all,
    serving,
    exit,
    end: () => all.filter(({ state }) => state === 'draining').forEach(exit),
    fail: () => (lives = false),
    heal: () => (lives = true),
    watch: () => (fewest = serving().length),
    fewest: () => fewest,
  }
}

/** Lets promises and timers that are due go on until `settled` does, or for as long as anything could reasonably take. */
async function during<T>(clock: { advance(ms: number): Promise<void> }, settled: Promise<T>, each: () => void) {
  let over = false
  void settled.then(
    () => (over = true),
    () => (over = true),
  )
  for (let i = 0; i < 1000 && !over; i++) {
    each()
    await clock.advance(100)
  }
  return settled
}

test('a replacement serves before the old worker retires, one after the other', async () => {
  const { clock, crew, all, serving, end, watch, fewest } = setUp(3)
  await during(clock, crew.start(), () => undefined)
  assert.deepEqual(serving(), ['w1', 'w2', 'w3'])
  watch()
  let most = 0
  const answer = await during(clock, crew.replaceAll(), () => {
    most = Math.max(most, crew.workers.size)
    end()
  })
  assert.deepEqual(answer, { replaced: 3, draining: 0 })
  assert.deepEqual(serving(), ['w4', 'w5', 'w6'])
  assert.equal(fewest(), 3)
  assert.equal(crew.replaced, 0)
  assert.deepEqual([all.length, crew.workers.size], [6, 3])
})

test('workers that cannot start leave the old ones in service', async () => {
  const { clock, crew, serving, fail, heal, end } = setUp(2)
  await during(clock, crew.start(), () => undefined)
  fail()
  await assert.rejects(
    during(clock, crew.replaceAll(), () => undefined),
    /the new workers do not start/,
  )
  assert.deepEqual(serving(), ['w1', 'w2'])
  await clock.advance(60_000)
  assert.equal(crew.workers.size, 2)
  heal()
  assert.deepEqual(await during(clock, crew.replaceAll(), end), { replaced: 2, draining: 0 })
})

test('a worker that dies during the replacement is replaced as always', async () => {
  const { clock, crew, all, serving, exit, end } = setUp(2)
  await during(clock, crew.start(), () => undefined)
  await clock.advance(10_000)
  const replacing = crew.replaceAll()
  while (all.length < 3) await Promise.resolve()
  exit(all[1] as FakeWorker)
  const answer = await during(clock, replacing, end)
  assert.equal(answer.draining, 0)
  assert.equal(crew.replaced, 1)
  assert.equal(serving().length, 2)
  assert.ok(!serving().includes('w1') && !serving().includes('w2'))
})

test('another number of workers adds new ones, or retires the youngest', async () => {
  const { clock, crew, serving, end } = setUp(2)
  await during(clock, crew.start(), () => undefined)
  crew.resize(4)
  await clock.advance(1)
  assert.deepEqual(serving(), ['w1', 'w2', 'w3', 'w4'])
  crew.resize(1)
  assert.deepEqual(serving(), ['w1'])
  end()
  await clock.advance(10_000)
  assert.deepEqual([crew.workers.size, crew.replaced], [1, 0])
})

test('one that does not end in its time is killed, and nobody takes its place', async () => {
  const { clock, crew, all } = setUp(1, { drainMs: 1000 })
  await during(clock, crew.start(), () => undefined)
  const answer = await during(clock, crew.replaceAll(), () => undefined)
  assert.deepEqual(answer, { replaced: 1, draining: 0 })
  assert.deepEqual(
    all.map(({ name, killed, state }) => [name, killed, state]),
    [
      ['w1', true, 'gone'],
      ['w2', false, 'serving'],
    ],
  )
})

test('who asks is answered though an old worker takes as long as it likes', async () => {
  const { clock, crew } = setUp(1)
  await during(clock, crew.start(), () => undefined)
  assert.deepEqual(await during(clock, crew.replaceAll(), () => undefined), { replaced: 1, draining: 1 })
})

test('workers that die again and again at the start are a failure', async () => {
  const { clock, crew, all, fail } = setUp(1)
  fail()
  await assert.rejects(
    during(clock, crew.start(), () => undefined),
    /do not start/,
  )
  assert.equal(all.length, 4)
})
