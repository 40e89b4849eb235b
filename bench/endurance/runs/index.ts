// The runs by name, each in the size that its promise is about and in one that only shows that it works.
import type { Cleanup } from '../../../test/kit/process.js'
import type { Check } from '../check.js'
import { events } from './events.js'
import { idle } from './idle.js'
import { million } from './million.js'
import { resets } from './resets.js'
import { slowloris } from './slowloris.js'
import { stop } from './stop.js'
import { transfer } from './transfer.js'
import { websocket } from './websocket.js'

/** `whole`: also what takes half an hour. */
export type Extent = 'quick' | 'usual' | 'whole'

export interface Run {
  readonly title: string
  run(t: Cleanup, extent: Extent): Promise<Check[]>
}

const MB = 1_000_000
const GIB = 2 ** 30

export const RUNS: Readonly<Record<string, Run>> = {
  idle: {
    title: 'Memory of busy and of idle connections',
    run: (t, extent) =>
      extent === 'quick'
        ? idle(t, { connections: 2000, busyMs: 3000, settleMs: 2000 })
        : idle(t, { connections: 10_000, busyMs: 10_000, settleMs: 5000 }),
  },
  events: {
    title: 'Server-sent events',
    run: (t, extent) => events(t, { streams: 50, events: extent === 'quick' ? 5 : 20, everyMs: 250 }),
  },
  websocket: {
    title: 'WebSocket',
    run: (t, extent) => websocket(t, { messages: extent === 'quick' ? 2000 : 10_000, drainMs: 3000 }),
  },
  stop: {
    title: 'Processes that are stopped',
    run: (t, extent) => stop(t, { each: 20, perSecond: 200, limitMs: extent === 'quick' ? 2000 : 5000 }),
  },
  resets: {
    title: 'Resets on both sides',
    run: (t, extent) =>
      resets(t, { count: extent === 'quick' ? 2000 : 10_000, concurrency: 100, perSecond: 200, mostGrowthMb: 24 }),
  },
  transfer: {
    title: 'A slow reader',
    run: (t, extent) =>
      transfer(t, {
        bytes: GIB,
        bytesPerSecond: MB,
        warmBytes: GIB / 4,
        mostGrowthMb: 5,
        ...(extent === 'whole' ? {} : { watchMs: extent === 'quick' ? 8000 : 30_000 }),
      }),
  },
  slowloris: {
    title: 'Slow attackers',
    run: (t, extent) =>
      slowloris(t, {
        attacks: ['head', 'body', 'read'],
        attackers: extent === 'quick' ? 500 : 2000,
        unreadBytes: 2 ** 20,
        rampMs: 3000,
        watchMs: 6000,
        limitMs: 10_000,
        perSecond: 500,
      }),
  },
  million: {
    title: 'Millions of requests',
    run: (t, extent) =>
      million(
        t,
        extent === 'quick' ? { requests: 500_000, mostGrowth: 0.3 } : { requests: 10_000_000, mostGrowth: 0.1 },
      ),
  },
}
