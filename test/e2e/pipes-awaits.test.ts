// Loops of users' pipes that begin behind an await: nobody has called them, and yet it is known at once whose exchange is lost.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from '../kit/http.js'
import { startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'
import { writePipes } from '../processor/pipes/rig.js'
import { service, startPlain } from './changing.js'

const pipe = (hooks: string, top = '') => `${top}\nexport default { create: () => ({ ${hooks} }) }`
const LOOP = `await new Promise((r) => setTimeout(r, 5)); for (;;);`

const MODULES = {
  asking: pipe(`async onRequest() { ${LOOP} },`),
  showing: pipe(`async onResponse() { ${LOOP} },`),
  telling: pipe(`async onError() { ${LOOP} },`),
  throwing: pipe(`onRequest() { throw new Error('no') },`),
  // Deeper than the hook itself, and begun by a call of the gateway's.
  within: pipe(
    `async onRequest(x) { const { answer } = x.call({ service: 'good', method: 'GET', target: '/good', fields: '', timeoutMs: 60_000, mostBytes: 99 })
      await deeper(answer) },`,
    `async function deeper(answer) { await answer; for (;;); }`,
  ),
  // Several wait for one promise; whoever comes for /loop does not come back from it.
  gate: pipe(
    `onRequest: (x) => x.query('open') ? open() : pass(x), gauges: () => ({ waiting })`,
    `let waiting = 0; let open; const gate = new Promise((r) => { open = r })
    async function pass(x) {
      waiting++
      await gate
      if (x.query('loop')) for (;;);
    }`,
  ),
  // One of them loops while the others wait for something else.
  beside: pipe(
    `async onRequest(x) {
      if (x.query('open')) return void open()
      if (x.query('loop')) { ${LOOP} }
      waiting++
      await gate
    }, gauges: () => ({ waiting })`,
    `let waiting = 0; let open; const gate = new Promise((r) => { open = r })`,
  ),
}

test(
  'a loop behind an await fails its exchange at once, and none that can still go on',
  { timeout: 120_000 },
  async (t) => {
    const paths = await writePipes(t, MODULES)
    const origin = await startPlain(t, 'a')
    const named = (name: keyof typeof MODULES, more = {}) => ({ use: paths[name], name, hook_timeout: '1h', ...more })
    const piped = (path: string, name: keyof typeof MODULES, more = {}) => ({
      ...service([origin], path),
      pipes: [named(name, more)],
    })
    const names = Object.keys(MODULES) as (keyof typeof MODULES)[]
    const services = {
      ...Object.fromEntries(names.map((name) => [name, piped(`/${name}`, name)])),
      telling: { ...service([origin], '/telling'), pipes: [named('telling'), named('throwing')] },
      skipped: piped('/skipped', 'asking', { on_throw: 'skip' }),
      good: service([origin], '/good'),
    }
    const serverpy = await startServerpy(t, { services, processor: { workers: 1 } })
    const ask = async (target: string) => (await request(serverpy.processorPort, 'GET', target)).status
    for (const [target, status] of [
      ['/asking', 500],
      ['/showing', 500],
      ['/telling', 500],
      ['/within', 500],
      ['/skipped', 200],
    ] as const)
      assert.equal(await ask(target), status, target)
    const lines = serverpy.output().split('\n')
    for (const [name, hook] of Object.entries({ asking: 'onRequest', showing: 'onResponse', telling: 'onError' }))
      assert.ok(
        lines.some(
          (line) => line.includes(`"pipe":"${name}","hook":"${hook}"`) && line.includes('never come to its end'),
        ),
        `no line about ${name}`,
      )
    const waiting = (name: string, n: number) =>
      waitFor(async () => {
        const text = (await request(serverpy.discoveryPort, 'GET', '/metrics')).text()
        return text.includes(`serverpy_pipe_value{pipe="${name}",name="waiting"} ${n}`)
      })

    const others = [ask('/beside'), ask('/beside')]
    await waiting('beside', 2)
    assert.equal(await ask('/beside?loop=1'), 500)
    assert.equal(await ask('/beside?open=1'), 200)
    assert.deepEqual(await Promise.all(others), [200, 200], 'they could still go on')

    const all = [ask('/gate')]
    await waiting('gate', 1)
    all.push(ask('/gate?loop=1'))
    await waiting('gate', 2)
    all.push(ask('/gate'), ask('/gate'))
    await waiting('gate', 4)
    assert.equal(await ask('/gate?open=1'), 200)
    // The others were to go on in the same moment, which is lost: they cannot be saved, and do not wait for nothing.
    assert.deepEqual(await Promise.all(all), [500, 500, 500, 500])
    assert.equal(await ask('/good'), 200)
  },
)
