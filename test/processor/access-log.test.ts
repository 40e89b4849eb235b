// The access log's lines: who gets one, what is in it, and what never is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAccessLog } from '../../processor/access-log.js'
import type { LineWriter } from '../../processor/line-writer.js'
import { silentLog, type Log } from '../../shared/log.js'
import type { RequestRecord } from '../../shared/metrics/report.js'
import { recordOf } from '../discovery/api/server.js'

interface Kept extends LineWriter {
  readonly lines: string[]
  dropped: number
}

function keep(): Kept {
  const lines: string[] = []
  return {
    lines,
    dropped: 0,
    write: (line) => void lines.push(line),
    flush: () => undefined,
    close: () => Promise.resolve(),
  }
}

function logOf(sample: number, draws: readonly number[] = [], log: Log = silentLog) {
  const out = keep()
  let drawn = 0
  const access = createAccessLog({ sample }, { worker: 'w1', out, random: () => draws[drawn++] ?? 1, log })
  const finished = (patch: Partial<RequestRecord> = {}) => access.finished(recordOf(patch), { traceId: '' })
  return { access, out, finished }
}

const parsed = (line: string | undefined) => JSON.parse(line ?? '') as Record<string, unknown>

test('a line is one JSON object in the form of the log, with all that a request came to', () => {
  const { access, out } = logOf(1)
  const at = Date.UTC(2030, 0, 1)
  access.finished(recordOf({ at, durationMs: 12.34567, attempts: 2, bytesIn: 3 }), {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    firstByteMs: 10.00049,
  })
  assert.equal(out.lines.length, 1)
  assert.match(out.lines[0] ?? '', /^\{"level":"info","time":"2030-01-01T00:00:00\.012Z",.*"msg":"request"\}\n$/)
  assert.deepEqual(parsed(out.lines[0]), {
    level: 'info',
    time: '2030-01-01T00:00:00.012Z',
    worker: 'w1',
    request: 'r-1',
    trace: '4bf92f3577b34da6a3ce929d0e0e4736',
    client: '127.0.0.1',
    method: 'GET',
    path: '/orders/1',
    route: 'orders:/orders',
    service: 'orders',
    instance: 'orders/127.0.0.1:9001',
    status: 200,
    attempts: 2,
    bytesIn: 3,
    bytesOut: 200,
    durationMs: 12.346,
    firstByteMs: 10,
    msg: 'request',
  })
})

test('a failure has its reason and the level of a warning', () => {
  const { out, finished } = logOf(1)
  finished({ status: 502, error: 'connection-refused' })
  finished({ status: 0, error: 'client-gone' })
  finished({ status: 404, error: 'no-route', route: '', service: '', instance: '' })
  assert.deepEqual(
    out.lines.map((line) => [parsed(line)['level'], parsed(line)['error']]),
    [
      ['warn', 'connection-refused'],
      ['warn', 'client-gone'],
      ['info', 'no-route'],
    ],
  )
})

test('of a sample the failed ones are all there, and the others by the draw', () => {
  const { out, finished } = logOf(0.5, [0.49, 0.5, 0.1, 0.9])
  for (let i = 0; i < 4; i++) finished({ id: `ok-${i}` })
  finished({ id: 'failed', status: 500 })
  finished({ id: 'refused', status: 404, error: 'no-route' })
  assert.deepEqual(
    out.lines.map((line) => parsed(line)['request']),
    ['ok-0', 'ok-2', 'failed', 'refused'],
  )
})

test('with 0 there is no line at all, until a new config says otherwise', () => {
  const { access, out, finished } = logOf(0)
  finished()
  finished({ status: 500, error: 'internal' })
  assert.deepEqual(out.lines, [])
  access.configure({ sample: 1 })
  finished()
  assert.equal(out.lines.length, 1)
})

test('whatever a client sends, a line stays one line of ASCII that reads back as it came', () => {
  const { out, finished } = logOf(1)
  const odd = [
    '"',
    '\\',
    '\n',
    '\r\n{"level":"error"}',
    '\u001b[31m',
    'ü',
    '\u00ff',
    '\u2028',
    '😀',
    '\u007f',
    '\u0000',
    '',
  ]
  for (const path of odd) finished({ path, id: path, route: path })
  assert.deepEqual(
    out.lines.map((line) => parsed(line)['path']),
    odd,
  )
  for (const line of out.lines) assert.match(line, /^[ -~]+\n$/)
})

test('lines that the output did not take are told once in a while', () => {
  const told: unknown[] = []
  const { out, finished } = logOf(1, [], { ...silentLog, warn: (fields) => void told.push(fields) })
  const at = Date.UTC(2030, 0, 1)
  out.dropped = 3
  finished({ at })
  out.dropped = 5
  finished({ at: at + 5_000 })
  assert.deepEqual(told, [{ lines: 3 }])
  finished({ at: at + 11_000 })
  assert.deepEqual(told, [{ lines: 3 }, { lines: 2 }])
})

test('lost lines that no later line would tell of are told at the end, and when there are to be no more', async () => {
  const told: unknown[] = []
  const { access, out, finished } = logOf(1, [], { ...silentLog, warn: (fields) => void told.push(fields) })
  out.dropped = 1
  finished({ at: Date.UTC(2030, 0, 1) })
  out.dropped = 4
  access.configure({ sample: 0.5 })
  assert.deepEqual(told, [{ lines: 1 }])
  access.configure({ sample: 0 })
  access.configure({ sample: 0 })
  assert.deepEqual(told, [{ lines: 1 }, { lines: 3 }])
  out.close = () => Promise.resolve(void (out.dropped = 6))
  await access.close()
  assert.deepEqual(told, [{ lines: 1 }, { lines: 3 }, { lines: 2 }])
})
