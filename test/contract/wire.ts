// The contract of a wire as tests, run over every kind of it: what it carries, and how each side is held back. How it ends
// is in wire-ends.ts.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { SHARED_BYTES } from '../../processor/engine/wire/wire.js'
import { waitFor } from '../kit/wait.js'
import { nameOf, type Pair, startRig, type WireKind } from '../processor/engine/wire/rig.js'

/** A wire's long reads. */
const LONG_BYTES = 128 * 1024
/** More than the buffers of both systems hold. */
export const MUCH_BYTES = 24 << 20

export type Open = (t: TestContext) => Promise<Pair>

export const opener =
  (kind: WireKind): Open =>
  async (t) =>
    (await startRig(t, kind)).open()

/** Sends back what comes, and reads no faster than that leaves. */
export function echo({ wire, owner }: Pair): void {
  owner.onRead = (buf, bytes) => {
    if (bytes <= SHARED_BYTES) wire.write(buf.toString('latin1', 0, bytes))
    else wire.writeBytes('', buf.subarray(0, bytes))
    if (wire.backlog > 0) wire.pause()
  }
  owner.onDrained = () => wire.resume()
  owner.onEnded = () => wire.end()
}

/** The far end stops reading, and so much is written that some of it has to wait. */
export function fill({ wire, peer }: Pair): Buffer {
  const much = randomBytes(MUCH_BYTES)
  peer.stream.pause()
  wire.writeBytes('', much)
  assert.ok(wire.backlog > 0)
  return much
}

function assertSame(got: Buffer, wanted: Buffer): void {
  assert.equal(got.length, wanted.length)
  assert.ok(got.equals(wanted), 'the bytes are others')
}

export function wireContract(kind: WireKind): void {
  const open = opener(kind)
  const name = nameOf(kind)
  carrying(name, open)
  holdingBack(name, open)
}

function carrying(name: string, open: Open): void {
  test(`${name}: what comes goes back as it came, whatever its size`, async (t) => {
    const sizes = [0, 1, SHARED_BYTES - 1, SHARED_BYTES, SHARED_BYTES + 1, LONG_BYTES, LONG_BYTES + 1, 5_000_000]
    for (const size of sizes) {
      const pair = await open(t)
      echo(pair)
      const sent = randomBytes(size)
      pair.peer.stream.end(sent)
      assert.equal(await pair.peer.ended(), 'closed')
      assertSame(pair.peer.received(), sent)
    }
  })

  test(`${name}: text keeps each of its bytes, and goes before the bytes that are written with it`, async (t) => {
    const { wire, peer } = await open(t)
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    wire.write(every.toString('latin1'))
    wire.writeBytes('text, ', every)
    wire.writeBytes('', Buffer.from('bytes'))
    const wanted = Buffer.concat([every, Buffer.from('text, '), every, Buffer.from('bytes')])
    assertSame(await peer.until(wanted.length), wanted)
  })

  test(`${name}: many small writes of one moment arrive in their order`, async (t) => {
    const { wire, peer } = await open(t)
    const lines = Array.from({ length: 3000 }, (_, i) => `${i}\n`)
    lines.forEach((line, i) => (i % 3 === 0 ? wire.writeBytes('', Buffer.from(line)) : wire.write(line)))
    assert.equal((await peer.until(lines.join('').length)).toString(), lines.join(''))
  })

  test(`${name}: what is written behind a backlog keeps its order, text and bytes alike`, async (t) => {
    const pair = await open(t)
    const { wire, owner, peer } = pair
    const first = fill(pair)
    const second = randomBytes(100_000)
    const before = wire.backlog
    wire.write('one')
    wire.writeBytes('two', second)
    wire.writeBytes('', second)
    wire.write('three')
    assert.equal(wire.backlog, before + 3 + 3 + second.length * 2 + 5)
    assert.deepEqual(owner.events, [])
    peer.stream.resume()
    const wanted = [first, Buffer.from('onetwo'), second, second, Buffer.from('three')]
    assertSame(await peer.until(wanted.reduce((sum, { length }) => sum + length, 0)), Buffer.concat(wanted))
    await owner.heard('drained')
    assert.equal(wire.backlog, 0)
  })
}

function holdingBack(name: string, open: Open): void {
  test(`${name}: a wire that is paused holds its peer back, and nothing is lost`, async (t) => {
    const { wire, owner, peer } = await open(t)
    const sent = randomBytes(MUCH_BYTES)
    wire.pause()
    peer.stream.write(sent)
    let left = 0
    await waitFor(
      () => {
        const before = left
        left = peer.stream.writableLength
        return left === before
      },
      { intervalMs: 100, what: 'the peer to get no further' },
    )
    assert.ok(left > 0, 'all of it has left the peer')
    assert.equal(owner.bytes, 0)
    wire.resume()
    assertSame(await owner.until(sent.length), sent)
  })

  test(`${name}: pausing within each read, and going on in the next turn, loses nothing`, async (t) => {
    const { wire, owner, peer } = await open(t)
    const sent = randomBytes(5_000_000)
    owner.onRead = () => {
      wire.pause()
      setImmediate(() => wire.resume())
    }
    peer.stream.write(sent)
    assertSame(await owner.until(sent.length), sent)
  })

  test(`${name}: settling within each read loses nothing`, async (t) => {
    const { wire, owner, peer } = await open(t)
    const sent = randomBytes(5_000_000)
    owner.onRead = () => wire.settle()
    peer.stream.write(sent)
    assertSame(await owner.until(sent.length), sent)
  })

  test(`${name}: each backlog ends in one word that all has left, and what is written then follows`, async (t) => {
    const pair = await open(t)
    const { wire, owner, peer } = pair
    const rounds = 4
    const written: Buffer[] = []
    const next = (): void => {
      const piece = randomBytes(MUCH_BYTES / rounds)
      written.push(piece)
      wire.writeBytes(`${written.length}`, piece)
    }
    // The last round's word, too, comes only with an empty backlog: the listener looks.
    owner.onDrained = () => {
      if (written.length < rounds) next()
    }
    peer.stream.pause()
    // The first has to wait, whatever the system takes.
    for (let i = 0; i < 3; i++) next()
    assert.ok(wire.backlog > 0)
    peer.stream.resume()
    const wanted = () => Buffer.concat(written.flatMap((piece, i) => [Buffer.from(`${i + 1}`), piece]))
    await waitFor(() => written.length === rounds && peer.bytes === wanted().length, { timeoutMs: 20_000 })
    assertSame(peer.received(), wanted())
    await waitFor(() => wire.backlog === 0)
  })

  test(`${name}: a reader and a writer at once, both slow now and then, lose nothing`, async (t) => {
    const pair = await open(t)
    echo(pair)
    const { peer } = pair
    const sent = randomBytes(MUCH_BYTES)
    peer.stream.end(sent)
    for (let part = 1; part <= 4; part++) {
      peer.stream.pause()
      await waitFor(() => pair.wire.backlog > 0 || pair.owner.bytes === sent.length, { timeoutMs: 20_000 })
      peer.stream.resume()
      await peer.until((sent.length * part) / 4)
    }
    await peer.ended()
    assertSame(peer.received(), sent)
  })
}
