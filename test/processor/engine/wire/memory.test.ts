// What wires read into: one buffer for all that is short, a few long ones in turn, and none that is written over while
// somebody still needs what is in it.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import v8 from 'node:v8'
import vm from 'node:vm'
import { SHARED_BYTES } from '../../../../processor/engine/wire/wire.js'
import { waitFor } from '../../../kit/wait.js'
import { type Pair, type Rig, startRig } from './rig.js'

const LONG_BYTES = 128 * 1024

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

/** Memory of buffers, after what nobody holds has gone; some of it goes only after a turn. */
async function bufferBytes(): Promise<number> {
  let least = Infinity
  for (let i = 0; i < 5; i++) {
    collectGarbage()
    await turn()
    least = Math.min(least, process.memoryUsage().arrayBuffers)
  }
  return least
}

const plain = (t: TestContext, useSockets = false): Promise<Rig> =>
  startRig(t, { made: 'accepted', secure: false, useSockets })

async function openMany(rig: Rig, count: number): Promise<Pair[]> {
  const pairs: Pair[] = []
  while (pairs.length < count) pairs.push(...(await Promise.all(Array.from({ length: 100 }, () => rig.open()))))
  return pairs
}

/** The same numbers in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

for (const useSockets of [false, true]) {
  const ground = useSockets ? 'sockets' : 'handles'

  test(`a long piece stays as it is until its wire goes on, whatever other wires read, on ${ground}`, async (t) => {
    const rig = await plain(t, useSockets)
    const lender = await rig.open()
    let piece: Buffer | undefined
    lender.owner.onRead = (buf, bytes) => {
      if (piece !== undefined || bytes <= SHARED_BYTES) return
      lender.wire.pause()
      lender.wire.settle()
      piece = buf.subarray(0, bytes)
    }
    const sent = randomBytes(2 << 20)
    lender.peer.stream.write(sent)
    await waitFor(() => piece !== undefined)
    assert.ok(piece)
    const copy = Buffer.from(piece)
    const others = await Promise.all(Array.from({ length: 4 }, () => rig.open()))
    for (const { wire, owner, peer } of others) {
      owner.onRead = () => wire.settle()
      peer.stream.write(Buffer.alloc(2 << 20, '!'))
    }
    await Promise.all(others.map(({ owner }) => owner.until(2 << 20)))
    assert.ok(piece.equals(copy), 'it was written over')
    lender.wire.resume()
    assert.ok((await lender.owner.until(sent.length)).equals(sent))
  })

  test(`no lent piece is written over and no byte lost, however wires pause, settle and end, on ${ground}`, async (t) => {
    const rig = await plain(t, useSockets)
    const below = numbers(20261115)
    const size = 6_000_000
    let lent = 0
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const { wire, owner, peer } = await rig.open()
        const sent = randomBytes(size)
        const hash = createHash('sha1')
        let got = 0
        owner.onRead = (buf, bytes) => {
          got += bytes
          hash.update(buf.subarray(0, bytes))
          if (below(3) === 0) wire.settle()
          if (bytes <= SHARED_BYTES || below(2) === 0) return
          lent++
          wire.pause()
          const piece = buf.subarray(0, bytes)
          const copy = Buffer.from(piece)
          // One of them ends while it lends: its piece is still somebody's.
          const last = index === 0 && got > size / 2
          if (last) wire.destroy()
          setTimeout(() => {
            assert.ok(piece.equals(copy), 'it was written over')
            wire.resume()
          }, below(20))
        }
        peer.stream.write(sent)
        await waitFor(() => got === size || wire.closed, { timeoutMs: 30_000 })
        if (got === size) assert.equal(hash.digest('hex'), createHash('sha1').update(sent).digest('hex'))
      }),
    )
    assert.ok(lent > 20, `${lent} pieces were lent`)
  })
}

test('two thousand wires that have read something and wait hold no buffer of their own', async (t) => {
  const rig = await plain(t)
  await openMany(rig, 100)
  const before = await bufferBytes()
  const pairs = await openMany(rig, 2000)
  for (const { peer } of pairs) peer.stream.write('hello')
  await waitFor(() => pairs.every(({ owner }) => owner.bytes === 5), { timeoutMs: 20_000 })
  const each = ((await bufferBytes()) - before) / pairs.length
  assert.ok(each < 1024, `${each} bytes each`)
})

/** A burst that fills the shared buffer and more, then a little: what is left of each wire's memory? */
async function afterBurst(rig: Rig, settled: boolean): Promise<number> {
  const pairs = await openMany(rig, 200)
  const before = await bufferBytes()
  for (const { wire, owner, peer } of pairs) {
    let got = 0
    owner.wireRead = (_buf, bytes) => {
      got += bytes
      owner.bytes = got
      if (settled && got >= 100_000) wire.settle()
    }
    peer.stream.write(Buffer.alloc(100_000))
  }
  await waitFor(() => pairs.every(({ owner }) => owner.bytes === 100_000), { timeoutMs: 20_000 })
  for (const { peer } of pairs) peer.stream.write('.')
  await waitFor(() => pairs.every(({ owner }) => owner.bytes === 100_001), { timeoutMs: 20_000 })
  return ((await bufferBytes()) - before) / pairs.length
}

test('a wire whose message has ended gives its long buffer back', async (t) => {
  const each = await afterBurst(await plain(t), true)
  assert.ok(each < LONG_BYTES / 8, `${each} bytes each`)
})

test('a wire that had a burst and goes on slowly holds no long buffer', async (t) => {
  const each = await afterBurst(await plain(t), false)
  assert.ok(each < LONG_BYTES / 8, `${each} bytes each`)
})

test('a TLS wire, whose reads are never long, takes no long buffer', async (t) => {
  const each = await afterBurst(await startRig(t, { made: 'accepted', secure: true, useSockets: false }), false)
  assert.ok(each < LONG_BYTES / 8, `${each} bytes each`)
})

test('a message that just fills the shared buffer costs no long one', async (t) => {
  const rig = await plain(t)
  const { wire, owner, peer } = await rig.open()
  const allocations = t.mock.method(Buffer, 'allocUnsafeSlow')
  owner.wireRead = (_buf, bytes) => {
    owner.bytes += bytes
    wire.settle()
  }
  for (let i = 1; i <= 20; i++) {
    peer.stream.write(Buffer.alloc(SHARED_BYTES))
    await waitFor(() => owner.bytes === SHARED_BYTES * i, { intervalMs: 1 })
  }
  const long = allocations.mock.calls.filter(({ arguments: [bytes] }) => bytes === LONG_BYTES)
  assert.ok(long.length <= 1, `${long.length} long buffers`)
})
