// Who waits, who is served next, and who is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Place, type Waiting, WaitingLine } from '../../../processor/resilience/waiting-line.js'
import type { Importance } from '../../../shared/config/model.js'
import { fakeWheel } from './fake-wheel.js'

class Request implements Waiting {
  place: Place | undefined = undefined
  drops = 0

  constructor(
    readonly name: string,
    readonly importance: Importance = 'normal',
    readonly leftMs = Infinity,
  ) {}

  called(): void {
    assert.fail('the line calls nobody')
  }

  dropped(): void {
    assert.equal(this.place, undefined)
    this.drops++
  }
}

function setUp(queue: number, queueMs = 100) {
  const wheel = fakeWheel()
  const line = new WaitingLine({ queue, queueMs }, { wheel })
  const next = (): string | undefined => (line.next() as Request | undefined)?.name
  const join = (name: string, importance?: Importance, leftMs?: number): Request | undefined => {
    const request = new Request(name, importance, leftMs)
    return line.join(request) ? request : undefined
  }
  return { wheel, line, next, join }
}

test('those of one importance are served in the order in which they came, the more important before', () => {
  const { line, next, join } = setUp(10)
  for (const [name, importance] of [
    ['l1', 'low'],
    ['n1', 'normal'],
    ['h1', 'high'],
    ['l2', 'low'],
    ['h2', 'high'],
    ['n2', 'normal'],
  ] as const)
    join(name, importance)
  assert.equal(line.length, 6)
  assert.deepEqual(Array.from({ length: 7 }, next), ['h1', 'h2', 'n1', 'n2', 'l1', 'l2', undefined])
  assert.equal(line.length, 0)
})

test('a full line refuses whoever is no more important than those in it', () => {
  const { line, join } = setUp(2)
  const waiting = [join('n1'), join('h1', 'high')]
  assert.equal(join('n2'), undefined)
  assert.equal(join('l1', 'low'), undefined)
  assert.equal(line.length, 2)
  assert.deepEqual(
    waiting.map((request) => request?.drops),
    [0, 0],
  )
})

test('a more important one takes the place of the newest of the least important', () => {
  const { next, join } = setUp(4)
  const [n1, l1, l2, h1] = [join('n1'), join('l1', 'low'), join('l2', 'low'), join('h1', 'high')]
  assert.notEqual(join('n2'), undefined)
  assert.equal(l2?.drops, 1)
  join('h2', 'high')
  assert.equal(l1?.drops, 1)
  join('h3', 'high')
  assert.deepEqual([n1?.drops, h1?.drops], [0, 0])
  assert.deepEqual(Array.from({ length: 5 }, next), ['h1', 'h2', 'h3', 'n1', undefined])
})

test('one that has waited for the longest time is dropped, once', () => {
  const { wheel, line, join } = setUp(10, 100)
  const first = join('n1')
  wheel.advance(60)
  const second = join('n2')
  wheel.advance(39)
  assert.equal(first?.drops, 0)
  wheel.advance(1)
  assert.deepEqual([first?.drops, second?.drops, line.length], [1, 0, 1])
  wheel.advance(1000)
  assert.deepEqual([first?.drops, second?.drops, line.length], [1, 1, 0])
})

test('what is left of the own time of a request is all that it waits', () => {
  const { wheel, join } = setUp(10, 100)
  const request = join('n1', 'normal', 30)
  assert.equal(join('n2', 'normal', 0), undefined)
  wheel.advance(30)
  assert.equal(request?.drops, 1)
})

test('one that was called or has left is not dropped, and leaving twice changes nothing', () => {
  const { wheel, line, next, join } = setUp(10, 100)
  const [called, left] = [join('n1'), join('n2'), join('n3')]
  assert.equal(next(), 'n1')
  line.leave(left as Request)
  line.leave(left as Request)
  line.leave(called as Request)
  assert.equal(line.length, 1)
  assert.equal(next(), 'n3')
  wheel.advance(1000)
  assert.deepEqual([called?.drops, left?.drops], [0, 0])
})

test('nobody can stand in the line twice', () => {
  const { line, join } = setUp(10)
  const request = join('n1') as Request
  assert.equal(line.join(request), false)
  assert.equal(line.length, 1)
})

test('a line without places, or without time, takes nobody', () => {
  assert.equal(setUp(0).join('n1'), undefined)
  assert.equal(setUp(10, 0).join('n1'), undefined)
})

test('a line that has not been empty for too long gives out a tenth of its places, until it has been empty once', () => {
  const { wheel, line, next, join } = setUp(20, 100)
  join('n1')
  for (let n = 2; n <= 15; n++) {
    wheel.advance(10)
    join(`n${n}`)
    if (n > 10) next()
  }
  wheel.advance(1)
  assert.equal(line.length > 2, true)
  assert.equal(join('late'), undefined)
  assert.notEqual(join('h', 'high'), undefined)
  while (line.length > 1) next()
  assert.notEqual(join('second'), undefined)
  assert.equal(join('third'), undefined)
  while (line.length > 0) next()
  for (let n = 0; n < 20; n++) assert.notEqual(join(`m${n}`), undefined)
  assert.equal(join('m20'), undefined)
})

test('a new config holds for those who join later', () => {
  const { wheel, line, join } = setUp(1, 100)
  const first = join('n1')
  line.configure({ queue: 2, queueMs: 500 })
  const second = join('n2')
  assert.equal(join('n3'), undefined)
  wheel.advance(100)
  assert.deepEqual([first?.drops, second?.drops], [1, 0])
  wheel.advance(400)
  assert.equal(second?.drops, 1)
})

test('whatever comes and goes, the line serves and drops as a plain list would', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('join' as const), rank: fc.nat(2), leftMs: fc.nat(150) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(10) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70 }) }) },
  )
  const importances: readonly Importance[] = ['high', 'normal', 'low']
  interface Modelled {
    readonly request: Request
    readonly rank: number
    readonly due: number
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (all) => {
      const { wheel, line } = setUp(6, 100)
      let model: Modelled[] = []
      let emptyAt = 0
      let dropped = new Set<Request>()
      all.forEach((one, n) => {
        if (one.do === 'wait') {
          wheel.advance(one.ms)
          for (const { request, due } of model) if (due <= wheel.now()) dropped.add(request)
        } else if (one.do === 'next') {
          const [expected] = model.toSorted((a, b) => a.rank - b.rank)
          assert.equal(line.next(), expected?.request)
          model = model.filter((other) => other !== expected)
        } else if (one.do === 'leave') {
          const [left] = model.splice(one.which % Math.max(1, model.length), 1)
          if (left !== undefined) line.leave(left.request)
        } else {
          const { rank, leftMs } = one
          const request = new Request(`${n}`, importances[rank], leftMs)
          const most = model.length > 0 && wheel.now() - emptyAt > 100 ? 1 : 6
          const worst = model.toSorted((a, b) => b.rank - a.rank || model.indexOf(b) - model.indexOf(a))[0]
          const displaces = model.length >= most && worst !== undefined && worst.rank > rank
          const joins = leftMs > 0 && (model.length < most || displaces)
          assert.equal(line.join(request), joins)
          if (joins && displaces) dropped.add(worst.request)
          if (joins && model.every((other) => dropped.has(other.request))) emptyAt = wheel.now()
          if (joins) model.push({ request, rank, due: wheel.now() + Math.min(100, leftMs) })
        }
        for (const { request } of model) assert.equal(request.drops, dropped.has(request) ? 1 : 0)
        model = model.filter(({ request }) => !dropped.has(request))
        dropped = new Set()
        assert.equal(line.length, model.length)
      })
    }),
    { numRuns: 1000 },
  )
})
