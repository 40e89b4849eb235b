// Pipes in threads of their own: what they may do to an exchange, and that nothing else is hurt by them.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { FieldLines } from '../../../processor/field-lines.js'
import type { Call } from '../../../processor/call.js'
import type { AnswerHead, PipeTools, Reply } from '../../../processor/pipes/pipe.js'
import { createThreadPipe } from '../../../processor/pipes/thread/host.js'
import { LocalAnswer, LocalExchange } from '../../../processor/pipes/thread/local-exchange.js'
import type { ThreadLimits } from '../../../processor/pipes/thread/pipe-thread.js'
import type { ExchangeData } from '../../../processor/pipes/thread/wire.js'
import type { PipeConfig } from '../../../shared/config/model.js'
import { ProxyError } from '../../../shared/errors.js'
import type { Log } from '../../../shared/log.js'
import { waitFor } from '../../kit/wait.js'

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

function keepingLog(lines: Line[]): Log {
  const write = (level: string) => (fields: Record<string, unknown>, message: string) =>
    void lines.push({ level, fields, message })
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => keepingLog(lines),
  }
}

interface Options {
  readonly hookMs?: number
  readonly options?: unknown
  readonly limits?: Partial<ThreadLimits>
  readonly call?: PipeTools['call']
}

/** A pipe whose hooks are `hooks`, in a thread. */
async function start(t: TestContext, hooks: string, { hookMs = 5000, options = {}, limits, call }: Options = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'serverpy-thread-'))
  t.after(() => rm(directory, { recursive: true }))
  const module = join(directory, 'pipe.mjs')
  await writeFile(
    module,
    hooks.includes('export default') ? hooks : `export default { create: (options, tools) => ({ ${hooks} }) }`,
  )
  const lines: Line[] = []
  const config: PipeConfig = {
    use: './pipe.mjs',
    name: 'p',
    module,
    options,
    onThrow: 'fail',
    hookMs,
    isolate: 'thread',
    at: { line: 1, col: 1 },
  }
  const tools: PipeTools = {
    name: 'p',
    log: keepingLog(lines),
    directory,
    workers: 2,
    now: () => performance.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    call: call ?? (() => assert.fail('no call is expected')),
    machine: { take: (name, key) => ({ allowed: name === 'l' && key === 'k', left: 1, retryMs: 2, resetMs: 3 }) },
  }
  const threaded = await createThreadPipe(config, tools, { pauseMs: 50, mostPauseMs: 200, ...limits })
  t.after(() => threaded.pipe.close?.())
  return { ...threaded, lines, directory }
}

function exchange(
  more: Partial<ExchangeData> = {},
  call?: (call: Call) => ReturnType<PipeTools['call']>,
): LocalExchange {
  const data: ExchangeData = {
    id: 'x1',
    traceId: 't1',
    method: 'POST',
    host: 'a.example',
    path: '/o/7',
    asked: '/o/7?q=1',
    target: '/o/7?q=1',
    address: '192.0.2.1',
    secure: true,
    route: 'orders:/o/{id}',
    service: 'orders',
    startedAt: performance.now(),
    fields: 'Accept: */*\r\nX-Old: 1\r\n',
    params: [['id', '7']],
    body: undefined,
    bodyKind: 'none',
    bodyLength: 0,
    state: [],
    ...more,
  }
  return new LocalExchange(data, { call: call ?? (() => assert.fail('no call is expected')), listen: () => undefined })
}

const head = (more: object = {}): AnswerHead =>
  new LocalAnswer({
    status: 200,
    fields: 'X-A: 1\r\n',
    from: 'instance',
    error: undefined,
    length: 5,
    bodiless: false,
    body: new Uint8Array(Buffer.from('hello')),
    ...more,
  })

test('a hook sees the exchange, and what it changes is changed', async (t) => {
  const { pipe } = await start(
    t,
    `onRequest(x) {
      x.state.set('seen', [x.id, x.traceId, x.method, x.host, x.path, x.asked, x.address, x.secure, x.route, x.service,
        x.param('id'), x.param('none'), x.query('q'), x.headers.get('accept'), x.bodyKind, x.bodyLength, x.body,
        Math.abs(tools.now() - x.startedAt) < 10_000, options.colour, tools.name, tools.workers, x.state.get('before')])
      x.state.delete('gone')
      x.target = '/v2/7'
      x.headers.set('X-New', 'ä')
      x.headers.delete('x-old')
      x.setBody('new')
    }`,
    { options: { colour: 'red' } },
  )
  const x = exchange({ state: [['before', { a: 1 }], ['gone', 1]] }) // prettier-ignore
  assert.equal(await pipe.onRequest?.(x), undefined)
  assert.deepEqual(x.state.get('seen'), [
    'x1', 't1', 'POST', 'a.example', '/o/7', '/o/7?q=1', '192.0.2.1', true, 'orders:/o/{id}', 'orders',
    '7', undefined, '1', '*/*', 'none', 0, undefined, true, 'red', 'p', 2, { a: 1 },
  ]) // prettier-ignore
  assert.deepEqual([x.target, x.headers.text, x.body?.toString()], ['/v2/7', 'Accept: */*\r\nX-New: ä\r\n', 'new'])
  assert.ok(!x.state.has('gone'))
})

test('what cannot travel stays where it is', async (t) => {
  const { pipe } = await start(t, `onRequest(x) { x.state.set('has', x.state.has('f')) }`)
  const x = exchange()
  x.state.set('f', () => undefined)
  await pipe.onRequest?.(x)
  assert.equal(x.state.get('has'), false)
  assert.equal(typeof x.state.get('f'), 'function')
})

test('only the hooks of the module are there, and its buffer is told', async (t) => {
  const { pipe, buffer } = await start(
    t,
    'export default { buffer: (o) => ({ request: o.n }), create: () => ({ onError() {} }) }',
    { options: { n: 10 } },
  )
  assert.deepEqual(Object.keys(pipe).sort(), ['close', 'gauges', 'metrics', 'onError'])
  assert.deepEqual(buffer, { request: 10 })
})

test('a hook can answer by itself, with text, bytes or pieces', async (t) => {
  const { pipe } = await start(
    t,
    `onRequest(x) {
      const body = { text: 'a', bytes: Buffer.from('b'), pieces: (async function* () { yield Buffer.from('c'); yield Buffer.from('d') })() }[x.id]
      return { status: 418, headers: { 'X-Two': ['1', '2'] }, body, error: 'forbidden' }
    }`,
  )
  const bodies = []
  for (const id of ['text', 'bytes', 'pieces']) {
    const reply = (await pipe.onRequest?.(exchange({ id }))) as Reply
    assert.deepEqual([reply.status, reply.headers, reply.error], [418, { 'X-Two': ['1', '2'] }, 'forbidden'])
    bodies.push(String(reply.body))
  }
  assert.deepEqual(bodies, ['a', 'b', 'cd'])
})

test('an answer can be changed, and replaced', async (t) => {
  const { pipe } = await start(
    t,
    `onResponse(x, answer) {
      if (x.id === 'other') return { status: 404 }
      answer.headers.set('X-A', answer.from + answer.length + answer.bodiless)
      answer.setBody(answer.body.toString().toUpperCase())
      answer.status = 201
    }`,
  )
  const answer = head()
  assert.equal(await pipe.onResponse?.(exchange(), answer), undefined)
  assert.deepEqual([answer.status, answer.headers.text, String(answer.body)], [201, 'X-A: instance5false\r\n', 'HELLO'])
  assert.deepEqual(await pipe.onResponse?.(exchange({ id: 'other' }), head()), { status: 404 })
})

test('a failure is told with its code, and can be answered', async (t) => {
  const { pipe } = await start(
    t,
    `onError: (x, e) => ({ status: 200, body: [e.code, e.side, e.message, e.status].join() })`,
  )
  const reply = await pipe.onError?.(exchange(), new ProxyError('no-instance', 'upstream', 'never', 'none'))
  assert.equal((reply as Reply).body, 'no-instance,upstream,none,503')
})

test('the end of an exchange is told', async (t) => {
  const { pipe, lines } = await start(
    t,
    `onDone(x, o) { tools.log.child({ a: 1 }).warn({ status: o.status }, 'over') }`,
  )
  const outcome = { status: 204, error: '', durationMs: 1, bytesIn: 0, bytesOut: 0, attempts: 1, instance: '' } as const
  pipe.onDone?.(exchange(), outcome)
  await waitFor(() => lines.length > 0, { what: 'the line of the pipe' })
  assert.deepEqual(lines, [{ level: 'warn', fields: { a: 1, status: 204 }, message: 'over' }])
})

test('calls and limits work through the worker', async (t) => {
  const asked: Call[] = []
  const call = (given: Call) => {
    asked.push(given)
    const answer = {
      status: 200,
      statusText: '200 OK',
      fields: new FieldLines('X-B: 2\r\n'),
      body: Buffer.from('there'),
      instance: 'i',
    }
    return {
      answer:
        given.target === '/no'
          ? Promise.reject(new ProxyError('no-instance', 'upstream', 'never', 'none'))
          : Promise.resolve(answer),
      cancel: () => undefined,
    }
  }
  const { pipe } = await start(
    t,
    `async onRequest(x) {
      const given = { service: 's', method: 'POST', target: '/t', fields: 'A: b\\r\\n', body: Buffer.from('hi'), timeoutMs: 5, mostBytes: 6, forwarded: false }
      const one = await x.call(given).answer
      const two = await tools.call({ ...given, target: '/no' }).answer.catch((e) => e.code + ' ' + (e instanceof Error))
      const verdict = await tools.machine.take('l', 'k', { rate: 1, periodMs: 1, burst: 1 })
      x.state.set('got', [one.status, one.statusText, one.fields.get('x-b'), one.body.toString(), one.instance, two, verdict.allowed])
    }`,
    { call },
  )
  const x = exchange({}, call)
  await pipe.onRequest?.(x)
  assert.deepEqual(x.state.get('got'), [200, '200 OK', '2', 'there', 'i', 'no-instance true', true])
  assert.deepEqual({ ...asked[0], body: String(asked[0]?.body) }, {
    service: 's', method: 'POST', target: '/t', fields: 'A: b\r\n', body: 'hi', timeoutMs: 5, mostBytes: 6, forwarded: false,
  }) // prettier-ignore
})

test('a hook that throws or rejects fails its exchange with what it threw, and the next one works', async (t) => {
  const { pipe } = await start(
    t,
    `onRequest(x) { if (x.id === 'throw') throw new RangeError('thrown'); if (x.id === 'reject') return Promise.reject('a text') }`,
  )
  await assert.rejects(
    async () => pipe.onRequest?.(exchange({ id: 'throw' })),
    (error: Error) => /RangeError: thrown[^]*pipe\.mjs/.test(error.stack ?? ''),
  )
  await assert.rejects(
    async () => pipe.onRequest?.(exchange({ id: 'reject' })),
    (error: Error) => error.stack === 'a text',
  )
  assert.equal(await pipe.onRequest?.(exchange()), undefined)
})

test('what is streamed is not there, and says so', async (t) => {
  const { pipe } = await start(
    t,
    `onRequest(x) { x.watchBody({}) }, onResponse(x, a) { if (x.id === 'w') a.watch({}); else a.transform({}) }`,
  )
  await assert.rejects(
    async () => pipe.onRequest?.(exchange()),
    (e: Error) => /watchBody is not there for a pipe that runs in a thread/.test(e.stack ?? ''),
  )
  await assert.rejects(
    async () => pipe.onResponse?.(exchange({ id: 'w' }), head()),
    (e: Error) => /watch is not there/.test(e.stack ?? ''),
  )
  await assert.rejects(
    async () => pipe.onResponse?.(exchange(), head()),
    (e: Error) => /transform is not there/.test(e.stack ?? ''),
  )
})

test('a rejection after the hook is told in the log, and fails nobody', async (t) => {
  const { pipe, lines } = await start(
    t,
    `onRequest(x) { setTimeout(() => { throw new Error('late') }, 1); Promise.reject(new Error('unseen')) }`,
  )
  await pipe.onRequest?.(exchange())
  await waitFor(() => lines.length === 2, { what: 'both lines' })
  assert.deepEqual(
    lines.map(({ message }) => message),
    Array.from({ length: 2 }, () => 'a pipe threw outside of any hook'),
  )
  assert.match(lines.map(({ fields }) => String(fields['error'])).join(' '), /unseen[^]*late/)
  assert.equal(await pipe.onRequest?.(exchange()), undefined)
})

test('an endless loop ends its thread alone: who waited fails, and a new thread serves the next', async (t) => {
  const { pipe, lines } = await start(t, `onRequest(x) { if (x.id === 'loop') for (;;); return { status: 204 } }`, {
    hookMs: 200,
    limits: { stillMs: 200 },
  })
  const stuck = [exchange({ id: 'loop' }), exchange()].map(async (x) => pipe.onRequest?.(x))
  for (const one of stuck)
    await assert.rejects(one, /no answer from its thread after 200 ms|the thread of the pipe ended/)
  await waitFor(
    async () => {
      try {
        return ((await pipe.onRequest?.(exchange())) as Reply).status === 204
      } catch {
        return false
      }
    },
    { what: 'the new thread' },
  )
  assert.match(String(lines[0]?.fields['error']), /its thread stood still/)
  assert.equal(lines[0]?.message, 'the thread of a pipe ended; it is started anew')
})

test('a thread that hangs is ended although nobody waits for it any more', async (t) => {
  const { pipe, lines } = await start(t, `onRequest() { for (;;); }`, { hookMs: 200, limits: { stillMs: 200 } })
  await assert.rejects(async () => pipe.onRequest?.(exchange()))
  await waitFor(() => lines.length > 0, { what: 'the end of the thread', timeoutMs: 3000 })
  assert.match(String(lines[0]?.fields['error']), /its thread stood still for 200 ms/)
})

test('a hook that only waits does not end its thread', async (t) => {
  const { pipe, lines } = await start(
    t,
    `onRequest(x) { if (x.id === 'wait') return new Promise(() => setInterval(() => 0, 1000)) }`,
    {
      hookMs: 100,
      limits: { stillMs: 5000 },
    },
  )
  await assert.rejects(async () => pipe.onRequest?.(exchange({ id: 'wait' })), /no answer from its thread after 100 ms/)
  assert.equal(await pipe.onRequest?.(exchange()), undefined)
  assert.deepEqual(lines, [])
})

test('a thread that eats its memory or ends itself is started anew, later each time', async (t) => {
  const { pipe, lines } = await start(
    t,
    `onRequest(x) {
      if (x.id === 'hog') { const all = []; for (;;) all.push(new Array(10_000).fill(x)) }
      if (x.id === 'exit') process.exit(0)
    }`,
    { limits: { memoryMb: 16 } },
  )
  await assert.rejects(async () => pipe.onRequest?.(exchange({ id: 'hog' })), /the thread of the pipe ended: .*memory/)
  const works = () =>
    waitFor(
      async () => {
        await pipe.onRequest?.(exchange())
        return true
      },
      { what: 'the new thread' },
    )
  await works()
  await assert.rejects(
    async () => pipe.onRequest?.(exchange({ id: 'exit' })),
    /the thread of the pipe ended: it ended itself/,
  )
  await assert.rejects(async () => pipe.onRequest?.(exchange()), /has ended and is not back yet/)
  await works()
  assert.equal(lines.length, 2)
})

test('more exchanges than may wait are refused at once', async (t) => {
  const { pipe } = await start(t, `onRequest: () => new Promise((resolve) => setTimeout(resolve, 50))`, {
    limits: { waiting: 2 },
  })
  const all = await Promise.allSettled([1, 2, 3].map(async () => pipe.onRequest?.(exchange())))
  assert.deepEqual(
    all.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
})

test('what a thread sends beside the contract is refused', async (t) => {
  const { pipe } = await start(
    t,
    `onRequest(x) {
      if (x.id === 'smuggle') x.headers.text += 'X-Bad: 1\\r\\nTransfer-Encoding: chunked\\r\\n'
      if (x.id === 'split') x.headers.text += 'X-Bad: a\\nb\\r\\n'
      if (x.id === 'status') return { status: 99 }
      if (x.id === 'lines') return { status: 200, lines: 'Content-Length: 5\\r\\n' }
      if (x.id === 'body') return { status: 200, body: 5 }
    }`,
  )
  for (const [id, message] of [
    ['smuggle', /transfer-encoding is the gateway's own/i],
    ['split', /holds a byte that no field may have/],
    ['status', /99 is no status/],
    ['lines', /the gateway's own/],
    ['body', /./],
  ] as const)
    await assert.rejects(async () => pipe.onRequest?.(exchange({ id })), message)
  assert.equal(await pipe.onRequest?.(exchange()), undefined)
})

test('a module that makes no pipe is told when the pipe is made', async (t) => {
  await assert.rejects(start(t, 'export default { no: 1 }'), /no default export with a function "create"/)
  await assert.rejects(start(t, 'export default { create() { throw new Error("not today") } }'), /not today/)
  await assert.rejects(
    start(t, 'export default { create() { for (;;); } }', { limits: { startMs: 300 } }),
    /not there after 300 ms|stood still/,
  )
  const schema = `{ '~standard': { version: 1, vendor: 't', validate: () => ({ issues: [{ message: 'no good' }] }) } }`
  await assert.rejects(start(t, `export default { options: ${schema}, create: () => ({}) }`), /its options: no good/)
})

test('a pipe that is closed runs its own close first', async (t) => {
  const { pipe, lines } = await start(t, `onRequest() {}, close() { tools.log.info({}, 'bye') }`)
  await pipe.close?.()
  assert.deepEqual(
    lines.map(({ message }) => message),
    ['bye'],
  )
  await assert.rejects(async () => pipe.onRequest?.(exchange()), /not back yet/)
})

test('what a pipe counts in its thread is known when its hook is over, and stays when the thread ends', async (t) => {
  const { pipe } = await start(
    t,
    `n: 0,
    onRequest(x) { this.n++; if (x.id === 'exit') process.exit(0) },
    metrics() { return { asked: this.n, [this.n > 1 ? 'Bad Name' : 'x']: 1 } },
    gauges() { return { held: -this.n } },
    close() { this.n += 100 },`,
  )
  assert.deepEqual([pipe.metrics?.(), pipe.gauges?.()], [{}, {}])
  await pipe.onRequest?.(exchange())
  assert.deepEqual([pipe.metrics?.(), pipe.gauges?.()], [{ asked: 1, x: 1 }, { held: -1 }])
  await pipe.onRequest?.(exchange())
  await assert.rejects(async () => pipe.onRequest?.(exchange({ id: 'exit' })), /the thread of the pipe ended/)
  assert.deepEqual([pipe.metrics?.(), pipe.gauges?.()], [{ asked: 2 }, {}])
  await waitFor(
    async () => {
      await pipe.onRequest?.(exchange())
      return true
    },
    { what: 'the new thread' },
  )
  assert.equal(pipe.metrics?.()['asked'], 3)
  await pipe.close?.()
  assert.equal(pipe.metrics?.()['asked'], 103)
})

test('counts that throw in the thread are told in the log, and fail no hook', async (t) => {
  const { pipe, lines } = await start(
    t,
    `onRequest: () => ({ status: 204 }), metrics() { throw new Error('no counts') },`,
  )
  for (let i = 0; i < 5; i++) assert.equal(((await pipe.onRequest?.(exchange())) as Reply).status, 204)
  await waitFor(() => lines.length > 0, { what: 'the line' })
  assert.match(JSON.stringify(lines[0]), /no counts/)
  assert.deepEqual(pipe.metrics?.(), {})
})

test('a thread that says more than can be heard is ended, and what it says in a loop is left out there', async (t) => {
  const { pipe, lines } = await start(
    t,
    `import { parentPort } from 'node:worker_threads'
export default { create: (options, tools) => ({
  async onRequest(x) {
    if (x.id === 'flood') for (;;) parentPort.postMessage({ kind: 'nonsense' })
    for (let i = 0; i < 3000; i++) tools.log.info({ i }, 'a line')
    const call = { service: 'a', method: 'GET', target: '/', fields: '', timeoutMs: 1, mostBytes: 1 }
    const asked = await Promise.allSettled(Array.from({ length: 300 }, async () => x.call(call).answer))
    return { status: 200, body: String(asked.filter(({ reason }) => /at most 256 calls/.test(reason?.message)).length) }
  },
}) }`,
    { limits: { messages: 2000 } },
  )
  const refuse = () => ({ answer: Promise.reject(new Error('nobody is there')), cancel: () => undefined })
  const reply = (await pipe.onRequest?.(exchange({}, refuse))) as Reply
  assert.equal(reply.body, '44')
  // Those of two seconds, where they passed from one into the next.
  assert.ok(lines.length <= 200, `${lines.length} lines`)
  const flood = async () => pipe.onRequest?.(exchange({ id: 'flood' }))
  await assert.rejects(flood, /it says more than 2000 things in a second/)
})
