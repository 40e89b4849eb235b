// A process that is stopped in the middle of an exchange (SIGSTOP): the limits end what waits for it, the others notice nothing.
import type { Cleanup } from '../../../test/kit/process.js'
import { request } from '../../../test/kit/http.js'
import { waitFor } from '../../../test/kit/wait.js'
import { type Bed, type Origin, part, startBed, startOrigin } from '../bed.js'
import { atMost, type Check, exactly, tally } from '../check.js'
import type { HonestCalls } from '../parts/honest.js'
import type { TransferCalls } from '../parts/transfers.js'

export interface StopSize {
  /** Exchanges of each kind that are on their way when the process stops. */
  readonly each: number
  readonly perSecond: number
  readonly limitMs: number
}

/** The wheel's ticks, bytes that the kernel still had, a busy machine. */
const SLACK_MS = 3000
const HONEST_CONNECTIONS = 16
const MANY_BYTES = 2 ** 30

export async function stop(t: Cleanup, size: StopSize): Promise<Check[]> {
  const { limitMs } = size
  const [other, victim] = [await startOrigin(t), await startOrigin(t)]
  const bed = await startBed(t, {
    processor: { timeouts: { first_byte_ms: limitMs, idle_ms: limitMs, upstream_keep_alive_ms: 500 } },
    services: { other, victim },
  })
  const { port, worker } = bed
  const sockets = worker.sockets()
  const honest = part<HonestCalls>(t, 'honest')
  await honest.ask('start', {
    port,
    path: '/other/echo/',
    connections: HONEST_CONNECTIONS,
    perSecond: size.perSecond,
  })
  const checks = [...(await stoppedOrigin(t, bed, victim, size)), ...(await stoppedClient(t, bed, size))]
  const { outcomes, sent } = await honest.ask('stop')
  const { inFlight, connections } = await worker.settled(limitMs)
  await waitFor(() => worker.sockets() <= sockets, { timeoutMs: 5000 }).catch(() => undefined)
  return [
    ...checks,
    exactly('requests to the other instance meanwhile', tally(outcomes), `${sent} × 200`),
    exactly(
      'in flight, connections and sockets that are left',
      `${inFlight}, ${connections}, ${Math.max(0, worker.sockets() - sockets)}`,
      '0, 0, 0',
    ),
    await worker.soundness(),
  ]
}

async function stoppedOrigin(t: Cleanup, { port }: Bed, victim: Origin, { each, limitMs }: StopSize): Promise<Check[]> {
  const client = part<TransferCalls>(t, 'transfers')
  const get = (path: string) => client.ask('begin', { port, path, bytes: 0, bytesPerSecond: 0, count: each })
  await get(`/victim/drip/${MANY_BYTES}`)
  // For longer than the limit, which is between two pieces and not for a whole answer.
  const alive = async () => (await client.ask('summary')).received >= (each * 1024 * 1.3 * limitMs) / 50
  await waitFor(alive, { timeoutMs: limitMs * 5, what: 'answers under way' })
  await get('/victim/hold')
  await waitFor(async () => (await victim.ask('counters')).connections >= 2 * each)

  victim.kill('SIGSTOP')
  await client.ask('mark')
  // These find a kernel that still accepts for a process that does not.
  await get('/victim/echo/late')
  await waitFor(async () => (await client.ask('summary')).ends.open === undefined, {
    timeoutMs: limitMs + 2 * SLACK_MS,
  }).catch(() => undefined)
  const { ends, lastEndMs } = await client.ask('summary')
  await client.ask('end')
  victim.kill('SIGCONT')
  const again = await request(port, 'GET', '/victim/echo/again')
  return [
    exactly(
      'instance stopped: answers under way, none begun, and asked for afterwards',
      tally(ends),
      `${2 * each} × 504, ${each} × 200 cut`,
    ),
    atMost(
      `… with a limit of ${limitMs / 1000} s, the last one after`,
      lastEndMs / 1000,
      (limitMs + SLACK_MS) / 1000,
      's',
      1,
    ),
    exactly('… going on, it answers', again.text(), 'again'),
  ]
}

async function stoppedClient(t: Cleanup, { port, worker }: Bed, { each, limitMs }: StopSize): Promise<Check[]> {
  const client = part<TransferCalls>(t, 'transfers')
  const left = async () => (await worker.gauges()).connections - HONEST_CONNECTIONS
  await waitFor(async () => (await left()) <= 0, { what: 'the clients before these to be gone' })
  const plan = { port, count: each, bytesPerSecond: 1_000_000 }
  await client.ask('begin', { ...plan, path: `/victim/bytes/${MANY_BYTES}`, bytes: 0 })
  await client.ask('begin', { ...plan, path: '/victim/sink/0', bytes: MANY_BYTES })
  await waitFor(async () => {
    const { received, sent } = await client.ask('summary')
    return received > each * 100_000 && sent > each * 100_000 && (await left()) >= 2 * each
  })

  client.kill('SIGSTOP')
  const stoppedAt = performance.now()
  const there = await left()
  await waitFor(async () => (await left()) <= 0, { timeoutMs: limitMs * 3 + 20_000, intervalMs: 50 }).catch(
    () => undefined,
  )
  const tookMs = performance.now() - stoppedAt
  const remaining = await left()
  client.kill('SIGCONT')
  const { ends } = await client.ask('summary')
  const whole = Object.keys(ends).filter((end) => end === '200')
  client.kill('SIGKILL')
  return [
    exactly(
      'client stopped: its connections, and those that are left',
      `${there}, ${Math.max(0, remaining)}`,
      `${2 * each}, 0`,
    ),
    atMost(
      `… with a limit of ${limitMs / 1000} s, the last one after`,
      tookMs / 1000,
      (limitMs + SLACK_MS) / 1000,
      's',
      1,
    ),
    exactly(`… going on, it finds ${tally(ends)}; whole ones among them`, whole.length, 0),
  ]
}
