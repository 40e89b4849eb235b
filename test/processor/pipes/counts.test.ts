// What pipes count: every event once, whatever becomes of the pipe, and nothing of what cannot be shown.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Report } from '../../../shared/metrics/report.js'
import { parseTestConfig } from '../../kit/config.js'
import { testConfig, type TestConfig, type TestGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { startSupervised } from '../supervised.js'
import { pipeOf, startPiped, telling, writePipes } from './rig.js'

/** What the pipes of a name have counted over these reports. */
function sumOf(reports: readonly Report[], pipe: string): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const { pipes } of reports) {
    for (const one of pipes.filter((given) => given.pipe === pipe)) {
      for (const [name, n] of Object.entries(one.counts)) sum[name] = (sum[name] ?? 0) + n
    }
  }
  return sum
}

const COUNTING = `
export default { create({ step = 1 }, tools) {
  let asked = 0, open = 0
  return {
    async onRequest(x) { asked += step; open++; if (x.path === '/slow') await new Promise((r) => { globalThis.serverpyGoOn = r }) },
    onDone() { open-- },
    metrics: () => ({ asked }),
    gauges: () => ({ open }),
    close() { asked += 100 },
  }
} }`

function goOn(): boolean {
  const held = globalThis as { serverpyGoOn?: () => void }
  held.serverpyGoOn?.()
  const was = held.serverpyGoOn !== undefined
  delete held.serverpyGoOn
  return was
}

async function reload(gateway: TestGateway, given: TestConfig): Promise<void> {
  const config = testConfig(given, gateway.port)
  await gateway.prepare(config)
  const { snapshot } = gateway.core.table
  assert.ok(gateway.reconfigure(config, { kind: 'whole', snapshot: { ...snapshot, seq: snapshot.seq + 1 } }))
}

test('a report tells what has been counted since the one before, and how it stands', async (t) => {
  const { gateway, port } = await startPiped(t, { counting: COUNTING }, [{ use: 'counting', name: 'mine' }])
  assert.deepEqual(gateway.report().pipes, [])
  for (let i = 0; i < 3; i++) await request(port, 'GET', '/')
  const first = gateway.report()
  assert.deepEqual(first.pipes, [{ pipe: 'mine', counts: { asked: 3 } }])
  assert.deepEqual(first.pipeStates, [{ pipe: 'mine', values: { open: 0 } }])
  await request(port, 'GET', '/')
  const slow = request(port, 'GET', '/slow')
  const second = await waitFor(() => {
    const { pipeStates, pipes } = gateway.report()
    return pipeStates?.[0]?.values['open'] === 1 && { pipes }
  })
  assert.ok(sumOf([second as Report], 'mine')['asked'] !== 0)
  goOn()
  await slow
  assert.deepEqual(gateway.report().pipes, [])
})

test('pipes of one name are added up', async (t) => {
  const { gateway, port } = await startPiped(t, { counting: COUNTING }, [
    { use: 'counting', name: 'mine' },
    { use: 'counting', name: 'mine', step: 10 },
    { use: 'counting', name: 'other' },
  ])
  await request(port, 'GET', '/')
  assert.deepEqual(gateway.report().pipes, [
    { pipe: 'mine', counts: { asked: 11 } },
    { pipe: 'other', counts: { asked: 1 } },
  ])
})

test('a pipe that is replaced on reload loses no count and tells none twice', async (t) => {
  const paths = await writePipes(t, { counting: COUNTING })
  const { gateway, port, origin } = await startPiped(t, {}, [])
  const api = { servers: [origin.address], apis: ['/'] }
  const given = (step: number): TestConfig => ({
    services: { api: { ...api, pipes: [{ use: paths['counting'], name: 'mine', step }] } },
  })
  const reports: Report[] = []
  const soFar = () => {
    reports.push(gateway.report())
    return sumOf(reports, 'mine')['asked'] ?? 0
  }
  await reload(gateway, given(1))
  for (let i = 0; i < 5; i++) await request(port, 'GET', '/')
  const slow = request(port, 'GET', '/slow')
  await waitFor(() => soFar() === 6, { what: 'the sixth to be in the pipe' })
  await request(port, 'GET', '/')
  // Seven, of which the last is not told yet; and one exchange is still in the pipe.
  await reload(gateway, given(10))
  await request(port, 'GET', '/')
  assert.equal(soFar(), 17)
  const heard = reports.at(-1)?.pipeStates
  assert.deepEqual(heard, [{ pipe: 'mine', values: { open: 1 } }], 'as long as it is in use')
  assert.ok(goOn())
  await slow
  await waitFor(() => soFar() === 117, { what: 'what it counts while it closes' })
  await reload(gateway, given(10))
  await request(port, 'GET', '/')
  await reload(gateway, { services: { api } })
  await waitFor(() => soFar() === 227, { what: 'what the second one counts, to its end' })
  assert.deepEqual(gateway.report().pipeStates, [])
})

test('failures and open breakers are counted of every pipe', async (t) => {
  const bad = pipeOf(
    `onRequest() { throw new Error('always') }, metrics: () => ({ failed: 99, barred: 99, calls: 1 }),`,
  )
  const { gateway, port } = await startPiped(t, { bad }, [
    { use: 'bad', on_throw: 'skip', breaker: { failures: 3, open: '60s' } },
  ])
  for (let i = 0; i < 5; i++) assert.equal((await request(port, 'GET', '/')).status, 200)
  assert.deepEqual(gateway.report().pipes, [{ pipe: 'bad', counts: { calls: 1, failed: 3, barred: 2 } }])
})

test('pipes are told in the order of the config, whichever is there first', async (t) => {
  const slow = `await new Promise((r) => setTimeout(r, 50))\n${pipeOf(`metrics: () => ({ n: 1 }), gauges: () => ({ n: 1 }),`)}`
  const quick = pipeOf(`metrics: () => ({ n: 1 }), gauges: () => ({ n: 1 }),`)
  const { gateway } = await startPiped(t, { slow, quick }, [{ use: 'slow' }, { use: 'quick' }])
  const { pipes, pipeStates } = gateway.report()
  assert.deepEqual(
    pipes.map(({ pipe }) => pipe),
    ['slow', 'quick'],
  )
  assert.deepEqual(
    pipeStates?.map(({ pipe }) => pipe),
    ['slow', 'quick'],
  )
})

test('what a pipe tells that cannot be shown is left out', async (t) => {
  const odd = pipeOf(`
    metrics: () => ({ good: 1.5, 'Bad-Name': 1, __proto__: { x: 1 }, ['__proto__']: 1, ['y'.repeat(41)]: 1, nan: NaN, endless: Infinity, text: '1', big: 1n, below: -1,
      constructor: 2, none: undefined }),
    gauges: () => ({ below: -1, nan: NaN, huge: 1e300, 'a b': 1 }),`)
  const many = pipeOf(`
    metrics() { const all = {}; for (let i = 0; i < 200; i++) all['c' + String.fromCharCode(97 + i % 26, 97 + i / 26)] = 1; return all },
    gauges() { return this.metrics() },`)
  const wrong = pipeOf(`metrics: () => 5, gauges: async () => ({ x: 1 }),`)
  const { gateway } = await startPiped(t, { odd, many, wrong }, [{ use: 'odd' }, { use: 'many' }, { use: 'wrong' }])
  const { pipes, pipeStates } = gateway.report()
  assert.deepEqual(pipes[0], { pipe: 'odd', counts: { good: 1.5, constructor: 2 } })
  assert.deepEqual(pipeStates?.[0], { pipe: 'odd', values: { below: -1 } })
  assert.deepEqual([pipes.length, pipes[1]?.pipe, Object.keys(pipes[1]?.counts ?? {}).length], [2, 'many', 30])
  assert.equal(Object.keys(pipeStates?.[1]?.values ?? {}).length, 30)
  assert.deepEqual(gateway.report().pipes, [], 'the same thirty, and they have not grown')
})

test('a count that falls is not told until it is higher than ever', async (t) => {
  const falling = pipeOf(`onRequest(x) { this.n = Number(x.path.slice(1)) }, metrics() { return { n: this.n ?? 0 } },`)
  const { gateway, port } = await startPiped(t, { falling }, [{ use: 'falling' }])
  const told: unknown[] = []
  for (const n of [5, 3, 4, 6]) {
    await request(port, 'GET', `/${n}`)
    told.push(gateway.report().pipes[0]?.counts['n'])
  }
  assert.deepEqual(told, [5, undefined, undefined, 1])
})

test('a pipe whose counts throw is named in the log, and neither fails nor hides the others', async (t) => {
  const bad = pipeOf(`metrics() { throw new Error('no counts today') }, gauges() { throw null },`)
  const { gateway, port, lines } = await startPiped(t, { bad, counting: COUNTING }, [
    { use: 'bad' },
    { use: 'counting' },
  ])
  assert.equal((await request(port, 'GET', '/')).status, 200)
  assert.deepEqual(gateway.report().pipes, [{ pipe: 'counting', counts: { asked: 1 } }])
  for (let i = 0; i < 10; i++) gateway.report()
  assert.deepEqual(
    lines.map(({ fields }) => [
      fields['pipe'],
      fields['hook'],
      /^(Error: no counts today|null)/.exec(String(fields['error']))?.[1],
    ]),
    [
      ['bad', 'metrics', 'Error: no counts today'],
      ['bad', 'gauges', 'null'],
    ],
  )
})

test('counts are exact over a reload and over the replacement of every worker', async (t) => {
  const origin = await startOrigin(t, telling)
  const paths = await writePipes(t, { counting: COUNTING })
  const port = await freePort()
  const configOf = (step: number) =>
    parseTestConfig({
      version: 1,
      processor: { port, workers: 2 },
      services: {
        api: {
          servers: [origin.address],
          apis: ['/'],
          polling: { method: 'tcp' },
          pipes: [
            { use: paths['counting'], name: 'mine', step },
            { use: 'rate-limit', rate: 20, period: '1h' },
          ],
        },
      },
    })
  const { processor, reports } = await startSupervised(t, configOf(1))
  let sent = 0
  let refused = 0
  const ask = async (count: number) => {
    sent += count
    const all = await Promise.all(Array.from({ length: count }, () => request(port, 'GET', '/')))
    refused += all.filter(({ status }) => status === 429).length
  }
  const asked = () => sumOf(reports, 'mine')['asked'] ?? 0
  await ask(30)
  processor.reconfigure(configOf(1000))
  await waitFor(
    async () => {
      await ask(1)
      await processor.flush()
      return asked() >= 1000
    },
    { what: 'the other config to be in force' },
  )
  await ask(40)
  const { replaced } = await processor.replaceWorkers()
  assert.equal(replaced, 2)
  await ask(9)
  await processor.drain()
  const total = asked()
  const [before, closed, after] = [total % 100, Math.floor(total / 100) % 10, Math.floor(total / 1000)]
  assert.ok(before >= 30 && after >= 9)
  // Of each request one was counted, or a thousand; and a hundred of each pipe when it was closed: two of the first config,
  // two of the workers that were replaced, and the two of the end.
  assert.deepEqual([before + after, closed], [sent, 6])
  assert.equal(sumOf(reports, 'rate-limit')['refused'], refused)
})

test('between two beats only pipes that exchanges have come to are asked', async (t) => {
  const asking = `
export default { create(options, tools) {
  globalThis.serverpyAsked ??= []
  return { metrics: () => { globalThis.serverpyAsked.push(tools.name); return { n: globalThis.serverpyAsked.length } } }
} }`
  const { asking: use = '' } = await writePipes(t, { asking })
  const pipes = (name: string) => [{ use, name }]
  const others = {
    busy: { servers: ['127.0.0.1:9'], polling: { method: 'tcp' }, apis: ['/busy'], pipes: pipes('busy') },
    idle: { servers: ['127.0.0.1:9'], polling: { method: 'tcp' }, apis: ['/idle'], pipes: pipes('idle') },
  }
  const { gateway, port } = await startPiped(t, {}, [], { others })
  const asked = (states: boolean): string[] => {
    const held = globalThis as { serverpyAsked?: string[] }
    held.serverpyAsked = []
    gateway.take(states)
    return held.serverpyAsked
  }
  asked(true)
  assert.deepEqual(asked(false), [])
  await request(port, 'GET', '/busy')
  assert.deepEqual(asked(false), ['busy'])
  // Its exchange may end a moment after its answer.
  await waitFor(() => asked(false).length === 0, { what: 'the pipe that is busy to be left alone' })
  assert.deepEqual(asked(true), ['busy', 'idle'])
})
