// A wire that is given nothing to write: that is how the engine asks whether somebody is there. It must do no harm to what
// is really written, which is why this has a file of its own: where it once did, the whole process ended.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { waitFor } from '../../../kit/wait.js'
import { fill, opener } from '../../../contract/wire.js'
import { nameOf } from './rig.js'

for (const secure of [false, true]) {
  for (const useSockets of [false, true]) {
    const kind = { made: 'accepted', secure, useSockets } as const
    const name = nameOf(kind)
    const open = opener(kind)

    test(`${name}: writing nothing, again and again, arrives as nothing`, async (t) => {
      const { wire, peer } = await open(t)
      wire.write('')
      wire.write('')
      wire.write('a')
      wire.write('')
      wire.writeBytes('', Buffer.alloc(0))
      wire.write('b')
      await turn()
      wire.write('')
      wire.write('c')
      assert.equal((await peer.until(3)).toString(), 'abc')
    })

    test(`${name}: nothing, written before much, does not make the much count as sent`, async (t) => {
      const pair = await open(t)
      const { wire, owner, peer } = pair
      wire.write('')
      const much = fill(pair)
      // The nothing has left by then.
      for (let i = 0; i < 5; i++) await turn()
      assert.ok(wire.backlog > 0)
      wire.write('last')
      peer.stream.resume()
      const got = await peer.until(much.length + 4)
      assert.ok(got.equals(Buffer.concat([much, Buffer.from('last')])))
      await waitFor(() => wire.backlog === 0)
      assert.ok(owner.events.includes('drained'))
    })

    test(`${name}: nothing, written within a read, brings no second read into the first`, async (t) => {
      const { wire, owner, peer } = await open(t)
      const sent = randomBytes(1_000_000)
      let depth = 0
      let deepest = 0
      owner.onRead = () => {
        deepest = Math.max(deepest, ++depth)
        if (depth === 1) wire.write('')
        depth--
      }
      peer.stream.write(sent)
      assert.ok((await owner.until(sent.length)).equals(sent))
      assert.equal(deepest, 1)
    })

    test(`${name}: end() behind nothing is an orderly end`, async (t) => {
      const { wire, peer } = await open(t)
      wire.write('')
      wire.end()
      assert.equal(await peer.ended(), 'closed')
      assert.equal(await peer.wasReset(), false)
    })

    if (secure) continue
    test(`${name}: writing nothing tells whether a peer that has ended is still there`, async (t) => {
      const here = await open(t)
      here.peer.stream.end()
      await here.owner.heard('ended')
      const gone = await open(t)
      gone.peer.stream.destroy()
      await gone.owner.heard('ended')
      for (const { wire } of [here, gone]) wire.write('?')
      await waitFor(() => {
        for (const { wire } of [here, gone]) wire.write('')
        return gone.wire.closed
      })
      assert.match(gone.owner.ends.join(), /^ended,closed (ECONNRESET|EPIPE)$/)
      assert.equal(here.wire.closed, false)
      assert.equal((await here.peer.until(1)).toString(), '?')
    })
  }
}
