// What a reload leaves of the pipes that stay: what one has remembered is never another one's.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../../shared/config/parse.js'
import { importDefinition } from '../../../processor/pipes/definition.js'
import { openGateway } from '../../../processor/gateway.js'
import { createWheel } from '../../../processor/engine/wheel.js'
import { createRecorder } from '../../../processor/recorder.js'
import { silentLog } from '../../../shared/log.js'
import { testConfig } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { waitFor } from '../../kit/wait.js'
import { pipeOf, startPiped, takeSeen, writePipes } from './rig.js'

test('a pipe keeps what it knows where its lines move, and never takes over that of another owner', async (t) => {
  const { mark } = await writePipes(t, { mark: pipeOf(`close() { seen.push('closed') }`) })
  const configOf = (text: string) => {
    const parsed = parseConfig(text, 'test.yaml', {})
    assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.problems))
    return parsed.config
  }
  const service = (name: string, apis = `[/${name}]`) =>
    `  ${name}: { servers: ['127.0.0.1:9'], polling: { method: tcp }, apis: ${apis}, pipes: [{ use: '${mark}', name: m }] }\n`
  const file = (...services: string[]) => `version: 1\nprocessor: { workers: 1 }\nservices:\n${services.join('')}`
  const wheel = createWheel()
  t.after(() => wheel.close())
  const recorder = createRecorder('test', 0, () => undefined)
  const first = configOf(file(service('aaa'), service('bbb')))
  const gateway = await openGateway(first, { via: 'test', ownPort: 1, wheel, recorder, log: silentLog })
  t.after(() => gateway.pipes.close())
  const steps = () => [...gateway.pipes.steps]
  const [a, b] = steps()
  const places = () => steps().map((step) => (step === a ? 'a' : step === b ? 'b' : 'other'))
  const reload = async (text: string) => {
    const config = configOf(text)
    await gateway.prepare(config)
    gateway.reconfigure(config, { kind: 'whole', snapshot: { term: 1, seq: 1, instances: [] } })
  }
  takeSeen()
  // The same two, each on the other's line.
  await reload(file(service('bbb'), service('aaa')))
  assert.deepEqual(places(), ['b', 'a'])
  // One more path of a service is the same service.
  await reload(file('  # moved\n', service('aaa', '[/aaa, /more]'), service('bbb')))
  assert.deepEqual(places(), ['a', 'b'])
  assert.deepEqual(takeSeen(), [])
  // Another service on the line where one was is another owner.
  await reload(file('  # moved\n', service('ccc'), service('bbb')))
  assert.deepEqual(places().sort(), ['b', 'other'])
  const closed: unknown[] = []
  await waitFor(() => closed.push(...takeSeen()) > 0, { what: 'the old one to be closed' })
  assert.deepEqual(closed, ['closed'])
})

test('a pipe whose module is being written again when it is reloaded goes on as it was', async (t) => {
  const versioned = (name: string) => pipeOf(`onResponse(x, answer) { answer.headers.set('X-Version', '${name}') },`)
  const { mark = '' } = await writePipes(t, { mark: versioned('one') })
  const { gateway, port, origin, lines } = await startPiped(t, {}, [])
  const pipes = [{ use: mark, name: 'mark' }]
  const given = { services: { api: { servers: [origin.address], apis: ['/'], pipes } } }
  const version = async () => (await request(port, 'GET', '/')).field('X-Version')
  const reload = async (meanwhile: string) => {
    const config = testConfig(given, port)
    await writeFile(mark, meanwhile)
    await gateway.prepare(config)
    const { snapshot } = gateway.core.table
    assert.ok(gateway.reconfigure(config, { kind: 'whole', snapshot: { ...snapshot, seq: snapshot.seq + 1 } }))
  }
  await reload(versioned('one'))
  for (const [name, meanwhile] of [
    ['two', ''],
    ['three', versioned('unchecked')],
  ] as const) {
    await writeFile(mark, versioned(name))
    await reload(meanwhile)
    assert.equal(await version(), 'one')
    const told = lines.splice(0)
    assert.match(JSON.stringify(told), /the one before goes on/)
  }
  await writeFile(mark, versioned('two'))
  await reload(versioned('two'))
  assert.equal(await version(), 'two')
  assert.deepEqual(lines, [])
  await reload(pipeOf('', `options: { parse() { throw new Error('never') } },`))
  assert.equal(await version(), 'two')
})

test('a module that has changed is loaded anew, be it an ES module or CommonJS', async (t) => {
  const paths = await writePipes(t, { module: '' })
  const folder = dirname(paths['module'] as string)
  for (const name of ['pipe.mjs', 'pipe.cjs']) {
    const file = join(folder, name)
    const load = async (version: string, buffer: number) => {
      const given = `{ buffer: { request: ${buffer} }, create: () => ({}) }`
      await writeFile(file, name.endsWith('.cjs') ? `module.exports = ${given}` : `export default ${given}`)
      return (await importDefinition(file, version)).buffer
    }
    assert.deepEqual(await load('one', 1), { request: 1 }, name)
    assert.deepEqual(await load('two', 2), { request: 2 }, name)
  }
})
