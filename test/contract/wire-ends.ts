// The contract of a wire as tests, second part: every way in which it ends, from either side, and the silence after that.
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { Wire } from '../../processor/engine/wire/wire.js'
import { waitFor } from '../kit/wait.js'
import { nameOf, type WireKind } from '../processor/engine/wire/rig.js'
import { fill, type Open, opener } from './wire.js'

const GONE = /^closed (ECONNRESET|EPIPE)$/

export function wireEndsContract(kind: WireKind): void {
  const open = opener(kind)
  const name = nameOf(kind)
  byUs(name, open, kind.secure)
  byThePeer(name, open, kind.secure)
  destroyed(name, open)
}

function byUs(name: string, open: Open, secure: boolean): void {
  test(`${name}: end() lets all that was written leave first, and the peer sees an orderly end`, async (t) => {
    const pair = await open(t)
    const { wire, peer } = pair
    const first = fill(pair)
    wire.write('last')
    wire.end()
    assert.ok(wire.ended)
    peer.stream.resume()
    assert.equal(await peer.ended(), 'closed')
    assert.equal(peer.bytes, first.length + 4)
    assert.equal(await peer.wasReset(), false)
  })

  test(`${name}: after our end the peer may still speak`, async (t) => {
    const { wire, owner, peer } = await open(t)
    wire.end()
    wire.end()
    assert.equal(await peer.ended(), 'closed')
    peer.stream.end('still here')
    assert.equal((await owner.until(10)).toString(), 'still here')
    await owner.heard('ended')
  })

  if (!secure) {
    test(`${name}: reset() shows the peer a broken connection`, async (t) => {
      const { wire, owner, peer } = await open(t)
      wire.write('half')
      await peer.until(4)
      wire.reset()
      assert.ok(wire.closed)
      assert.ok(await peer.wasReset())
      assert.deepEqual(owner.ends, [])
    })

    test(`${name}: so does a reset() that cuts off what end() let wait`, async (t) => {
      const pair = await open(t)
      const { wire, peer } = pair
      fill(pair)
      wire.end()
      wire.reset()
      peer.stream.resume()
      assert.ok(await peer.wasReset())
    })
  }

  test(`${name}: reset() after an orderly end still closes`, async (t) => {
    const { wire, owner, peer } = await open(t)
    wire.end()
    await peer.ended()
    wire.reset()
    assert.ok(wire.closed)
    peer.stream.end()
    await turn()
    assert.deepEqual(owner.ends, [])
  })
}

function byThePeer(name: string, open: Open, secure: boolean): void {
  test(`${name}: after the peer's end we may still speak, and each has its own end`, async (t) => {
    const { wire, owner, peer } = await open(t)
    peer.stream.end('bye')
    await owner.heard('ended')
    assert.equal(owner.received().toString(), 'bye')
    assert.equal(wire.closed, false)
    wire.write('an answer')
    assert.equal((await peer.until(9)).toString(), 'an answer')
    wire.end()
    assert.equal(await peer.ended(), 'closed')
  })

  test(`${name}: the peer's end is heard once, also by who pauses and goes on after it`, async (t) => {
    const { wire, owner, peer } = await open(t)
    peer.stream.end()
    await owner.heard('ended')
    for (let i = 0; i < 3; i++) {
      wire.pause()
      wire.resume()
      wire.write('.')
      await peer.until(i + 1)
    }
    assert.deepEqual(owner.ends, ['ended'])
  })

  test(`${name}: a peer's reset is heard once, with its code, and closes`, async (t) => {
    const { wire, owner, peer } = await open(t)
    wire.write('x')
    await peer.until(1)
    peer.reset()
    await owner.heard('closed ECONNRESET')
    assert.ok(wire.closed)
    wire.write('y')
    wire.writeBytes('', Buffer.from('z'))
    await turn()
    assert.deepEqual(owner.ends, ['closed ECONNRESET'])
  })

  test(`${name}: so is one that meets a backlog, whose rest never counts as sent`, async (t) => {
    const pair = await open(t)
    const { wire, owner, peer } = pair
    fill(pair)
    wire.write('more')
    wire.end()
    peer.reset()
    await owner.heard(GONE)
    await turn()
    assert.equal(owner.events.length, 1, owner.events.join())
  })

  test(`${name}: who writes to a peer that has gone hears of it once, and not within the write`, async (t) => {
    const { wire, owner, peer } = await open(t)
    wire.pause()
    peer.reset()
    // Until the system knows.
    await waitFor(() => {
      if (wire.closed) return true
      wire.write('anybody?')
      assert.deepEqual(owner.ends, [])
      return false
    })
    await owner.heard(GONE)
    await turn()
    assert.equal(owner.ends.length, 1)
  })

  test(`${name}: who goes on writing to a peer that has closed altogether hears of it once`, async (t) => {
    const { wire, owner, peer } = await open(t)
    peer.below.destroy()
    await owner.heard('ended')
    await waitFor(() => {
      wire.write('anybody?')
      return wire.closed
    })
    assert.match(owner.ends.join(), /^ended,closed (ECONNRESET|EPIPE)$/)
  })

  if (!secure) return
  test(`${name}: bytes that are no TLS end the wire`, async (t) => {
    const { owner, peer } = await open(t)
    peer.below.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(10))
    await owner.heard(/^closed /)
  })
}

function destroyed(name: string, open: Open): void {
  const inert = (wire: Wire): void => {
    wire.write('x')
    wire.writeBytes('x', Buffer.from('y'))
    wire.pause()
    wire.resume()
    wire.settle()
    wire.end()
    wire.reset()
    wire.destroy()
  }

  test(`${name}: destroy() is silent and final, and everything after it does nothing`, async (t) => {
    const pair = await open(t)
    const { wire, owner, peer } = pair
    fill(pair)
    peer.stream.write('unread')
    wire.destroy()
    assert.ok(wire.closed)
    inert(wire)
    peer.stream.resume()
    await peer.ended()
    await turn()
    assert.deepEqual(owner.events, [])
    assert.equal(owner.bytes, 0)
  })

  test(`${name}: an owner that destroys within a read gets no second one`, async (t) => {
    const { wire, owner, peer } = await open(t)
    let read = 0
    owner.onRead = () => {
      read++
      wire.destroy()
      inert(wire)
    }
    peer.stream.write(Buffer.alloc(1 << 20))
    peer.stream.end()
    await waitFor(() => wire.closed)
    await peer.ended()
    await turn()
    assert.equal(read, 1)
    assert.deepEqual(owner.events, [])
  })

  test(`${name}: an owner that destroys when the peer ends, or when all has left, hears nothing more`, async (t) => {
    const first = await open(t)
    first.owner.onEnded = () => first.wire.destroy()
    first.peer.stream.end('x')
    await first.owner.heard('ended')

    const second = await open(t)
    second.owner.onDrained = () => second.wire.destroy()
    fill(second)
    second.wire.end()
    second.peer.stream.resume()
    await second.owner.heard('drained')
    await Promise.all([first.peer.ended(), second.peer.ended()])
    await turn()
    assert.deepEqual(first.owner.events, ['ended'])
    assert.deepEqual(second.owner.events, ['drained'])
  })

  test(`${name}: another owner hears all from the moment that it has the wire`, async (t) => {
    const { wire, owner, peer } = await open(t)
    const second: string[] = []
    owner.onRead = () => {
      wire.owner = {
        wireRead: (buf, bytes) => void second.push(buf.toString('latin1', 0, bytes)),
        wireEnded: () => void second.push('ended'),
        wireDrained: () => undefined,
        wireClosed: () => undefined,
      }
    }
    peer.stream.write('first')
    await owner.until(5)
    peer.stream.end('second')
    await waitFor(() => second.includes('ended'))
    assert.deepEqual(second, ['second', 'ended'])
    assert.deepEqual([owner.received().toString(), owner.events], ['first', []])
  })
}
