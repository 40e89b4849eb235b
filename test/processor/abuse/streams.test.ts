// Streams through the built product: slow ones are held back, events are not, and a WebSocket passes as it is.
import { test } from 'node:test'
import { events } from '../../../bench/endurance/runs/events.js'
import { transfer } from '../../../bench/endurance/runs/transfer.js'
import { websocket } from '../../../bench/endurance/runs/websocket.js'
import { assertHeld } from './held.js'

const LONG = { timeout: 120_000 }
const MB = 1_000_000

test('a body that is taken slowly stays with its sender, in both directions', LONG, async (t) => {
  const size = { bytes: 200 * MB, bytesPerSecond: MB, warmBytes: 20 * MB, watchMs: 1500, mostGrowthMb: 32 }
  assertHeld(await transfer(t, size))
})

test('server-sent events arrive while their stream is open', LONG, async (t) => {
  assertHeld(await events(t, { streams: 10, events: 3, everyMs: 100 }))
})

test('WebSocket messages come back intact, and an open one does not keep the gateway from ending', LONG, async (t) => {
  assertHeld(await websocket(t, { messages: 500, drainMs: 1000 }))
})
