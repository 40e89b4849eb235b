// Random mixtures of pipes, clients and instances: whatever they do, every byte that reaches a client is framed right, the
// requests behind have their own answers, every pipe hears of one end, and nothing is left in flight.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { startOrigin } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { bytesOf, type Case, caseOf, innocent, instance, MODULE, parse, randomOf } from './mixtures-rig.js'
import { keepingLog, writePipes } from './rig.js'

const CASES = Number(process.env['MIXTURES'] ?? 300)
const SEED = Number(process.env['MIXTURES_SEED'] ?? 5)
const AT_ONCE = 20
/** Of a case: far more than what its slowest parts take together. */
const CASE_MS = 8000

interface Books {
  readonly entered: string[]
  readonly done: string[]
  readonly late: string[]
}

interface Seen {
  readonly bytes: string
  /** How the connection ended. */
  readonly end: 'clean' | 'reset' | 'late' | 'own'
}

async function converse(port: number, one: Case, n: number): Promise<Seen> {
  const head = bytesOf(one, n)
  const random = randomOf(n)
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  const received: Buffer[] = []
  let timer: NodeJS.Timeout | undefined
  const methods = [one.method, 'GET', 'GET']
  const ended = new Promise<Seen['end']>((resolve) => {
    timer = setTimeout(() => resolve('late'), CASE_MS)
    socket.on('data', (piece: Buffer) => {
      received.push(piece)
      if (one.client === 'slow-reader' && received.length < 20) {
        socket.pause()
        setTimeout(() => socket.resume(), 3)
      }
      const text = Buffer.concat(received).toString('latin1')
      try {
        const { answers, cut } = parse(text, methods)
        if (answers.length === 3 && !cut) resolve('own')
      } catch {
        // The whole of it is judged below.
        resolve('own')
      }
    })
    socket.on('end', () => resolve('clean'))
    socket.on('error', () => resolve('reset'))
    socket.on('close', () => resolve('reset'))
  })
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const short = one.body === 'short'
  const all = short ? head.slice(0, -3) : head + innocent(1) + innocent(2)
  switch (one.client) {
    case 'pieces': {
      const step = Math.max(7, Math.ceil(all.length / 12))
      for (let at = 0; at < all.length && !socket.destroyed; at += step) {
        socket.write(Buffer.from(all.slice(at, at + step), 'latin1'))
        await pause(random() * 3)
      }
      break
    }
    case 'half-close':
      socket.end(Buffer.from(all, 'latin1'))
      break
    case 'reset':
    case 'reset-late':
      socket.write(Buffer.from(all, 'latin1'))
      await pause(random() * (one.client === 'reset' ? 6 : 60))
      socket.resetAndDestroy()
      break
    case 'behind':
      socket.write(Buffer.from(short ? all : head, 'latin1'))
      await pause(random() * 20)
      if (!short && !socket.destroyed) socket.write(innocent(1) + innocent(2))
      break
    default:
      socket.write(Buffer.from(all, 'latin1'))
  }
  // What never comes whole is given up at last.
  if (short) {
    await pause(30)
    if (!socket.destroyed) socket.end()
  }
  const end = await ended
  clearTimeout(timer)
  socket.destroy()
  return { bytes: Buffer.concat(received).toString('latin1'), end }
}

/** Ways by which an answer may be cut off where its client sees that. */
function mayBeCut({ client, instance: way, mix, body, route }: Case): boolean {
  const ways = Object.values(mix).flatMap((one) => Object.values(one))
  return (
    client.startsWith('reset') ||
    client === 'half-close' ||
    body === 'short' ||
    route === 'total' ||
    ['truncated', 'never-ends', 'reset'].includes(way) ||
    ways.some((one) => ['broken', 'broken-stream', 'stream-short', 'number'].includes(one))
  )
}

test('whatever pipes, clients and instances do together, each answer is framed right and everything ends', async (t) => {
  const paths = await writePipes(t, { mix: MODULE })
  const origins = await Promise.all([startOrigin(t, instance), startOrigin(t, instance)])
  const other = await startOrigin(t, (req) => void req.answer(200, 'other'))
  const pipes = (more: Record<string, unknown> = {}) =>
    ['a', 'b', 'c'].map((name) => ({ use: paths['mix'], name, hook_timeout: '50ms', ...more }))
  const service = (path: string, more: Record<string, unknown>, piped: Record<string, unknown> = {}) => ({
    servers: origins.map(({ address }) => address),
    apis: [path],
    pipes: pipes(piped),
    timeout: { idle: '400ms', first_byte: '1s' },
    ...more,
  })
  const retry = { backoff: { base_ms: 1 } }
  const { log } = keepingLog()
  const gateway = await startGateway(
    t,
    {
      processor: { timeouts: { idle: '600ms', keep_alive: '2s' } },
      services: {
        plain: service('/plain', { retry }),
        hold: service('/hold', { retry: { ...retry, hold: 1000 } }),
        hedge: service('/hedge', { retry, hedge: { after: '5ms', most: 1 } }),
        batch: service('/batch', { batch: 'auto' }),
        whole: service('/whole', { retry }, { buffer: { request: 1000, response: 1000 } }),
        skip: service('/skip', {}, { on_throw: 'skip', buffer: { response: 300_000 } }),
        total: service('/total', { timeout: { total: '60ms' } }),
        innocent: { servers: origins.map(({ address }) => address), apis: ['/innocent'] },
        other: { servers: [other.address] },
      },
    },
    undefined,
    { log },
  )
  const books = (globalThis as { serverpyMixtures?: Books }).serverpyMixtures as Books

  const faults: string[] = []
  const judge = (one: Case, { bytes, end }: Seen): void => {
    const { answers, cut } = parse(bytes, [one.method, 'GET', 'GET'])
    const torn = one.client.startsWith('reset') || one.body === 'short'
    if (torn) return
    assert.notEqual(end, 'late', `${answers.length} answers, then silence`)
    if (cut) assert.ok(mayBeCut(one), `cut off after ${answers.length} answers`)
    if (answers.length === 0) return assert.ok(mayBeCut(one), 'no answer')
    const [first, ...behind] = answers
    if (first?.closes === true) assert.equal(behind.length, 0, 'answers behind the last one')
    else if (one.client !== 'half-close' && !cut && !(end !== 'own' && mayBeCut(one)))
      assert.equal(behind.length, 2, 'the requests behind have no answers')
    behind.forEach(({ status, text }, i) => assert.deepEqual([status, text], [200, `innocent /innocent?${i + 1}`]))
  }

  let next = 0
  const only = process.env['MIXTURES_ONLY']
  const work = async () => {
    while (next < CASES) {
      const n = next++
      if (only !== undefined && n !== Number(only)) continue
      const one = caseOf(SEED * 1_000_003 + n)
      const seen = await converse(gateway.port, one, n)
      try {
        judge(one, seen)
      } catch (error) {
        faults.push(
          `${n}: ${(error as Error).message}\n   ${JSON.stringify(one)}\n   ${seen.end} ${JSON.stringify(seen.bytes.slice(0, 700))}`,
        )
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  assert.equal(faults.length, 0, `${faults.length} faults\n${faults.slice(0, 12).join('\n')}`)

  await waitFor(() => gateway.core.inFlight === 0, { what: 'no exchange in flight' })
  await waitFor(() => [...gateway.endpoints.values()].every(({ inFlight }) => inFlight === 0), {
    what: 'nothing in flight at an endpoint',
  })
  for (const [name, live] of gateway.services) assert.equal(live.inFlight, 0, `in flight at ${name}`)
  await waitFor(() => books.done.length >= books.entered.length, { what: 'every pipe to hear of the end' })
  assert.deepEqual(books.late, [], 'no hook runs behind the end')
  assert.deepEqual(books.done.toSorted(), books.entered.toSorted(), 'each end is told once')
})
