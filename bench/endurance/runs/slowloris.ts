// Thousands of clients that drip a head, drip a body, or do not read: what they cost the honest ones, and when they are gone.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../../../test/kit/process.js'
import { waitFor } from '../../../test/kit/wait.js'
import { type Bed, part, startBed, startOrigin } from '../bed.js'
import { atLeast, atMost, type Check, exactly, tally, timed } from '../check.js'
import type { AttackerCalls } from '../parts/attackers.js'
import type { Part } from '../parts/calls.js'
import type { HonestCalls, HonestSummary } from '../parts/honest.js'

export interface SlowlorisSize {
  readonly attacks: readonly AttackName[]
  readonly attackers: number
  /** Of the answers that are asked for and not read. */
  readonly unreadBytes: number
  /** Over which they come. */
  readonly rampMs: number
  /** For how long the honest clients are watched, in quiet and while all attackers are there. */
  readonly watchMs: number
  /** What the attackers run into, after the ramp and the watch. */
  readonly limitMs: number
  readonly perSecond: number
}

/** Of a body, in bytes per second. */
const BODY_RATE = 100
/** How far above its limit a connection may live: the wheel's ticks, the farewell after an answer, a busy machine. */
const SLACK_MS = 3000
const HONEST_CONNECTIONS = 16

export type AttackName = 'head' | 'body' | 'silence' | 'read'

interface Attack {
  readonly what: string
  readonly opening: string
  readonly drip: string
  readonly reads: boolean
  /** What one of them may cost the worker in memory: its connection, its instance's, what is held of its bytes. */
  readonly mostKb: number
  /** How they may end. */
  readonly ends: readonly string[]
}

const ATTACKS: Readonly<Record<AttackName, Attack>> = {
  head: {
    what: 'drip a head',
    opening: 'GET /attacked/echo/x HTTP/1.1\r\nHost: a\r\n',
    drip: 'X-A: b\r\n',
    reads: true,
    mostKb: 40,
    ends: ['408'],
  },
  body: {
    what: 'drip a body',
    opening: 'PUT /attacked/sink/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n',
    drip: 'x',
    reads: true,
    mostKb: 64,
    ends: ['408'],
  },
  silence: {
    what: 'stop within a body',
    opening: 'PUT /attacked/sink/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegun',
    drip: '',
    reads: true,
    mostKb: 64,
    ends: ['408'],
  },
  read: {
    what: 'do not read',
    opening: 'GET /attacked/bytes/UNREAD HTTP/1.1\r\nHost: a\r\n\r\n',
    drip: '',
    reads: false,
    mostKb: 160,
    // Whole where the kernel had taken all of it.
    ends: ['200 cut', '200'],
  },
}

export async function slowloris(t: Cleanup, size: SlowlorisSize): Promise<Check[]> {
  const [honestOrigin, attackedOrigin] = [await startOrigin(t), await startOrigin(t)]
  const { limitMs } = size
  const bed = await startBed(t, {
    processor: {
      limits: { upstream_connections: 10_000, body_rate: BODY_RATE },
      timeouts: { request_head_ms: limitMs, idle_ms: limitMs, keep_alive_ms: limitMs },
    },
    services: { honest: honestOrigin, attacked: attackedOrigin },
  })
  const honest = part<HonestCalls>(t, 'honest')
  const attackers = part<AttackerCalls>(t, 'attackers')
  const plan = { port: bed.port, path: '/honest/echo/', connections: HONEST_CONNECTIONS, perSecond: size.perSecond }
  const watch = async (): Promise<HonestSummary> => {
    await honest.ask('start', plan)
    await sleep(size.watchMs)
    return honest.ask('stop')
  }
  // Compilers reach their steady state before anything counts.
  await watch()
  const checks: Check[] = []
  for (const name of size.attacks) checks.push(...(await withstand(ATTACKS[name], size, bed, attackers, watch)))
  return [...checks, await bed.worker.soundness()]
}

async function withstand(
  { what, opening: pattern, drip, reads, mostKb, ends }: Attack,
  size: SlowlorisSize,
  { port, worker }: Bed,
  attackers: Part<AttackerCalls>,
  watch: () => Promise<HonestSummary>,
): Promise<Check[]> {
  const { attackers: count, limitMs, rampMs } = size
  const opening = pattern.replace('UNREAD', String(size.unreadBytes))
  const quiet = await watch()
  const before = worker.rssBytes()
  const memory = worker.memory()
  await attackers.ask('begin', { port, opening, drip, everyMs: 1000, reads, count, rampMs })
  await until(async () => (await worker.gauges()).connections >= count, SLACK_MS)
  const there = (await worker.gauges()).connections
  const allThereAt = performance.now()
  const attacked = await watch()
  await until(async () => (await worker.gauges()).connections === 0, limitMs * 2)
  const goneMs = performance.now() - allThereAt
  const { mostBytes } = memory.stop()
  const { inFlight } = await worker.settled(2000)
  if (!reads) await attackers.ask('readAll')
  await until(async () => (await attackers.ask('summary')).open === 0, SLACK_MS)
  const { ends: seen, open } = await attackers.ask('summary')
  await attackers.ask('end')

  const subject = `${count} that ${what}`
  const kbEach = Math.max(0, mostBytes - before) / 1024 / count
  const others = Object.fromEntries(Object.entries(seen).filter(([name]) => !ends.includes(name)))
  const p99 = `${subject}: p99 of the honest, ${quiet.p99Ms.toFixed(2)} ms in quiet`
  return [
    timed(atLeast(`${subject}: there at the same time`, there, count * 0.98)),
    timed(atMost(p99, attacked.p99Ms, quiet.p99Ms * 2, 'ms', 2)),
    exactly(`${subject}: the honest get`, tally(attacked.outcomes), `${attacked.sent} × 200`),
    timed(atMost(`${subject}: memory for each`, kbEach, mostKb, 'KB', 1)),
    atMost(
      `${subject}: all gone, the limit being ${limitMs / 1000} s`,
      goneMs / 1000,
      (limitMs + SLACK_MS) / 1000,
      's',
      1,
    ),
    exactly(`${subject}: ends other than ${ends.join(' and ')}`, tally(others), 'none'),
    exactly(`${subject}: left open, and in flight`, `${open}, ${inFlight}`, '0, 0'),
  ]
}

/** Waits for a while: whether it came to pass shows in what is measured next. */
async function until(condition: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  await waitFor(condition, { timeoutMs, intervalMs: 200 }).catch(() => undefined)
}
