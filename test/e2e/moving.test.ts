// The built product with the config of each other gateway: as it is, and as what `serverpy import` makes of it.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { request } from '../kit/http.js'
import { startOrigin, type Origin } from '../kit/origin.js'
import { isListening } from '../kit/ports.js'
import { runProcess, startProcess } from '../kit/process.js'
import { MAIN } from '../kit/serverpy.js'
import { waitFor, within } from '../kit/wait.js'

const EXAMPLES = join(import.meta.dirname, '../../examples/moving')
/** Ports of sample instances begin with a 9. */
const INSTANCE = /\b9[123]\d\d\b/g
const LISTENED = /\b(?:800[1-9]|4080|400[0-9])\b/g

interface Moved {
  readonly file: string
  readonly folder: string
  /** The port that is used in place of one of the example's. */
  port(of: number): number
  origin(of: number): Origin
  ask(of: number, path: string, fields?: Record<string, string>): Promise<{ status: number; text: string }>
}

let next = 12_000 + (process.pid % 2000) * 10

/** Below those that the system gives to connections: so many ports of one start would now and then meet one of them. */
async function stillPort(): Promise<number> {
  do next++
  while (await isListening(next))
  return next
}

/** The example with ports of this machine, its instances running, and a store in memory. */
async function move(t: TestContext, name: string): Promise<Moved> {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-moving-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  const text = await readFile(join(EXAMPLES, name), 'utf8')
  const ports = new Map<number, number>()
  const origins = new Map<number, Origin>()
  for (const [found] of text.matchAll(INSTANCE)) {
    const of = Number(found)
    if (origins.has(of)) continue
    const origin = await startOrigin(t, (x) =>
      x.answer(200, JSON.stringify({ instance: of, path: x.target }), JSON_FIELDS),
    )
    origins.set(of, origin)
    ports.set(of, origin.port)
  }
  for (const [found] of text.matchAll(LISTENED))
    if (!ports.has(Number(found))) ports.set(Number(found), await stillPort())
  const discovery = ports.get(4080) ?? ports.get(8008) ?? (await stillPort())
  const moved = text.replace(new RegExp(`${INSTANCE.source}|${LISTENED.source}`, 'g'), (found) =>
    String(ports.get(Number(found))),
  )
  const file = join(folder, name)
  await writeFile(file, withOwn(moved, name, discovery))
  const port = (of: number) => ports.get(of) ?? 0
  return {
    file,
    folder,
    port,
    origin(of) {
      const origin = origins.get(of)
      assert.ok(origin)
      return origin
    },
    async ask(of, path, fields = {}) {
      const answer = await request(port(of), 'GET', path, { fields })
      return { status: answer.status, text: answer.text() }
    },
  }
}

const JSON_FIELDS = { 'Content-Type': 'application/json' }

function withOwn(text: string, name: string, port: number): string {
  const own = { discovery: { port, store: 'memory' }, processor: { workers: 1 } }
  if (name.endsWith('.json')) return text.replace(/\}\s*$/, `, "serverpy": ${JSON.stringify(own)}}`)
  if (name.endsWith('.hcl'))
    return `${text}\nserverpy {\n  discovery {\n    port = ${port}\n    store = "memory"\n  }\n  processor {\n    workers = 1\n  }\n}\n`
  return `${text}\nserverpy: { discovery: { port: ${port}, store: memory }, processor: { workers: 1 } }\n`
}

const run = (...args: string[]) => runProcess(process.execPath, [MAIN, ...args])
const start = (t: TestContext, file: string, cwd: string) =>
  startProcess(process.execPath, [MAIN, '-c', file], { t, cwd, ready: /"msg":"ready"/ })

/** What a connection that says nothing but this gets back first. */
async function spoken(port: number, bytes: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    socket.end(bytes)
    const first = new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString('latin1')))
      socket.once('error', reject)
    })
    return await within(first, 5000, 'bytes from the listener')
  } finally {
    socket.destroy()
  }
}

const instanceOf = (text: string): unknown => (JSON.parse(text) as { instance: unknown }).instance

/** For each example: the lines that are told of, and what is answered. */
const CASES: Record<string, { told: readonly string[]; routes(t: TestContext, moved: Moved): Promise<void> }> = {
  'harbr-router.yaml': {
    told: ['3:1', '4:1', '5:1', '15:5'],
    async routes(_, { ask, origin }) {
      const { status, text } = await ask(8001, '/orders/7?a=%20b')
      assert.deepEqual([status, JSON.parse(text)], [200, { instance: 9101, path: '/orders/7?a=%20b' }])
      assert.equal(instanceOf((await ask(8001, '/users')).text), 9201)
      // Whole segments only: this is none of /orders.
      assert.equal(instanceOf((await ask(8001, '/ordersx')).text), 9301)
      assert.ok(origin(9101).requests.some(({ target }) => target === '/health'))
    },
  },
  'harbr-router-0.2.yaml': {
    told: ['7:3', '12:5', '42:11', '48:9', '62:9', '81:9', '84:5'],
    async routes(_, { ask, port, origin }) {
      assert.equal(instanceOf((await ask(8001, '/any', { 'X-Secret': 's' })).text), 9101)
      const asked = origin(9101).requests.find(({ target }) => target === '/any')
      assert.deepEqual([asked?.field('x-from'), asked?.field('x-secret')], ['harbr', undefined])
      assert.equal(instanceOf((await ask(8002, '/users/1')).text), 9201)
      assert.equal(instanceOf((await ask(8002, '/login')).text), 9202)
      assert.equal((await ask(8002, '/any')).status, 404)
      assert.match(await spoken(port(8003), 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n'), /"instance":9301/)
      assert.match((await ask(8008, '/metrics')).text, /^# HELP/)
    },
  },
  'harp.yaml': {
    told: ['2:1', '20:13', '41:9', '59:3', '65:7', '69:7', '72:1', '75:1'],
    async routes(_, { ask, origin }) {
      const seen = new Set<unknown>()
      for (let i = 0; i < 4; i++) seen.add(instanceOf((await ask(4000, `/orders?${i}`)).text))
      assert.deepEqual([...seen].sort(), [9101, 9102])
      assert.equal(instanceOf((await ask(4001, '/users/3')).text), 9201)
      assert.deepEqual(JSON.parse((await ask(4002, '/list')).text), { instance: 9301, path: '/v2/list' })
      assert.equal((await ask(4080, '/health')).status, 200)
      // One of two is gone: the fallback joins.
      await origin(9102).stop()
      const joined = async () => instanceOf((await ask(4000, '/orders')).text) === 9103
      await waitFor(joined, { what: 'the fallback', timeoutMs: 20_000 })
      assert.equal(instanceOf((await ask(4001, '/users/3')).text), 9201)
    },
  },
  'pipehub.hcl': {
    told: ['12:9', '13:9', '21:7', '22:7', '29:3', '34:3', '38:3', '41:1', '45:1', '57:1'],
    async routes(_, { ask, port }) {
      assert.equal(instanceOf((await ask(8001, '/x', { Host: 'orders.example.org' })).text), 9101)
      const missing = await ask(8001, '/x', { Host: 'a.shop.example.org' })
      assert.equal(missing.status, 501)
      assert.match(missing.text, /^tenant\.Route is a Go pipe and does not run here: write \.\/pipes\/tenant\.js/)
      assert.equal((await ask(8001, '/x', { Host: 'else.example.org' })).status, 404)
      assert.match(await spoken(port(8002), 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n'), /"instance":9201/)
    },
  },
  'krakend.json': {
    told: ['33:29'],
    async routes(_, { ask }) {
      const { status, text } = await ask(8001, '/page/7')
      assert.equal(status, 200)
      const { order, user } = JSON.parse(text) as Record<string, { instance: number; path: string }>
      assert.ok(order?.instance === 9101 || order?.instance === 9102)
      assert.deepEqual([order.path, user], ['/orders/7', { instance: 9201, path: '/users/7' }])
      assert.deepEqual(JSON.parse((await ask(8001, '/orders/7?status=open&other=1')).text), {
        path: '/orders/7?status=open',
      })
      assert.equal(instanceOf((await ask(8001, '/catalog')).text), 9301)
      assert.equal((await ask(8001, '/__health')).status, 200)
      assert.equal((await ask(8001, '/no')).status, 404)
    },
  },
}

for (const [name, { told, routes }] of Object.entries(CASES)) {
  test(`${name}: checks, starts and routes as it is, and as what it is imported to`, { timeout: 90_000 }, async (t) => {
    const moved = await move(t, name)
    const checked = await run('check', '-c', moved.file)
    assert.equal(checked.code, 0, checked.stderr)
    const lines = checked.stderr.trim().split('\n')
    assert.deepEqual(
      lines.map((line) => line.replace(`${moved.file}:`, '').split('  ')[0]),
      told,
    )
    for (const line of lines) assert.match(line, / {2}warning: .* {2}\(.+\)$/)
    const direct = await start(t, moved.file, moved.folder)
    for (const line of lines)
      assert.ok(direct.output().includes(JSON.stringify(line.replace('warning: ', '')).slice(1, -1)), line)
    await routes(t, moved)
    assert.equal((await direct.stop()).code, 0)

    const output = join(moved.folder, 'services.yaml')
    const made = await run('import', moved.file, '-o', output)
    assert.equal(made.code, 0, made.stderr)
    assert.equal((await run('check', '-c', output)).code, 0)
    const same = await run('plan', '-c', output, '--against', moved.file)
    assert.equal(same.code, 0, same.stderr)
    assert.match(same.stdout, /no change|nothing/i)
    const again = await move(t, name)
    const second = join(again.folder, 'services.yaml')
    assert.equal((await run('import', again.file, '-o', second)).code, 0)
    const imported = await start(t, second, again.folder)
    await routes(t, again)
    assert.equal((await imported.stop()).code, 0)
  })
}

test(
  "a change of another gateway's file is taken while it runs, and one with faults is not",
  { timeout: 60_000 },
  async (t) => {
    const moved = await move(t, 'harbr-router.yaml')
    const running = await start(t, moved.file, moved.folder)
    const text = await readFile(moved.file, 'utf8')
    const users = async () => instanceOf((await moved.ask(8001, '/users')).text)
    assert.equal(await users(), 9201)
    const swapped = text.replace(String(moved.port(9201)), String(moved.port(9301)))
    await writeFile(moved.file, swapped)
    await waitFor(async () => (await users()) === 9301, { what: 'the new upstream', timeoutMs: 20_000 })
    await writeFile(moved.file, swapped.replace('retry_count: 2', 'retry_count: many'))
    const told = /harbr-router\.yaml:\d+:\d+ {2}routes\[\\"\/orders\\"\]\.retry_count {2}must be a number/
    await waitFor(() => told.test(running.output()), { what: 'the fault in the log', timeoutMs: 20_000 })
    assert.equal(await users(), 9301)
    assert.equal((await running.stop()).code, 0)
  },
)
