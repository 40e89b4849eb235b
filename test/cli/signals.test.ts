// Signals that ask for something: taken before all else is loaded, kept until somebody serves them, given back else.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { takeSignals } from '../../cli/signals.js'
import { startProcess } from '../kit/process.js'
import { waitFor } from '../kit/wait.js'

function taken() {
  const seen: string[] = []
  const own = Object.assign(new EventEmitter(), {
    pid: 7,
    kill: (pid: number, signal: string) => seen.push(`${pid} ${signal}`),
  })
  const signals = takeSignals(own as unknown as NodeJS.Process)
  const serve = () => signals.serve({ reload: () => seen.push('reload'), replaceWorkers: () => seen.push('replace') })
  return { seen, signals, serve, signal: (name: string) => own.emit(name, name) }
}

test('what comes before a server is ready is served when it is, once', () => {
  const { seen, serve, signal } = taken()
  for (const name of ['SIGHUP', 'SIGHUP', 'SIGUSR2']) signal(name)
  assert.deepEqual(seen, [])
  serve()
  assert.deepEqual(seen, ['reload', 'replace'])
  signal('SIGHUP')
  assert.deepEqual(seen, ['reload', 'replace', 'reload'])
})

test('a command that serves nothing is ended by them, whenever they come', () => {
  const { seen, signals, signal } = taken()
  signal('SIGHUP')
  signals.release()
  assert.deepEqual(seen, ['7 SIGHUP'])
  assert.equal(signal('SIGHUP'), false, 'a listener would keep the signal from the process')
  assert.equal(signal('SIGUSR2'), false)
})

const cli = (file: string) => fileURLToPath(new URL(`../../cli/${file}`, import.meta.url))

test('nothing else is loaded before they are taken', async () => {
  const imports = async (file: string) => {
    const text = await readFile(cli(file), 'utf8')
    return [...text.matchAll(/^(?:import|export)\b.*?['"]([^'"]+)['"]$/gm)].map(([, name]) => name)
  }
  assert.deepEqual(await imports('main.ts'), ['./signals.js'])
  assert.deepEqual(await imports('signals.ts'), [])
})

test('a process that starts survives them, and reloads when it is ready', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-signals-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  const file = join(folder, 'services.json')
  const own = { host: '127.0.0.1', port: 0 }
  const orders = { servers: ['127.0.0.1:1'], polling: { method: 'tcp' }, apis: ['/'] }
  const config = { version: 1, discovery: { ...own, store: 'memory' }, processor: { ...own, workers: 1 } }
  await writeFile(file, JSON.stringify({ ...config, services: { orders } }))
  // Says when the signal is taken: at the end of the turn in which the listener came.
  const tell = `process.once('newListener', () => process.nextTick(() => process.stderr.write('taken\\n')))`
  const running = await startProcess(
    process.execPath,
    [
      '--import',
      'tsx',
      '--import',
      `data:text/javascript,${encodeURIComponent(tell)}`,
      cli('main.ts'),
      'discovery',
      '-c',
      file,
    ],
    { t, ready: /taken/ },
  )
  assert.ok(running.kill('SIGHUP'))
  await waitFor(() => /"cause":"SIGHUP"/.test(running.stdout()))
  assert.match(running.stdout(), /"msg":"ready"/)
})
