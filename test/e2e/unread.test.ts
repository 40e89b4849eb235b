// The built product with a stdout that nobody reads: whatever is lost of the lines, the servers go on.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { freePort } from '../kit/ports.js'
import { MAIN } from '../kit/serverpy.js'
import { waitFor, within } from '../kit/wait.js'

/** A pipe that is held open and never read. */
async function unreadPipe(t: TestContext, folder: string) {
  const path = join(folder, 'stdout')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const stdout = openSync(path, constants.O_WRONLY)
  const probe = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  t.after(() => [reader, stdout, probe].forEach(closeSync))
  return {
    stdout,
    isFull() {
      try {
        writeSync(probe, '\n'.repeat(4096))
        return false
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EAGAIN'
      }
    },
  }
}

test('a stdout that nobody reads holds up neither half, nor the end', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  const discoveryPort = await freePort()
  const processorPort = await freePort()
  const polling = { method: 'tcp', frequency: '200ms' }
  const config = (weight: number) =>
    JSON.stringify({
      version: 1,
      discovery: { port: discoveryPort },
      processor: { port: processorPort, workers: 2, access_log: true },
      services: { s: { servers: [{ url: origin.address, weight }], polling, apis: ['/s'] } },
    })
  const file = join(folder, 'services.json')
  await writeFile(file, config(1))
  const pipe = await unreadPipe(t, folder)
  const child = spawn(process.execPath, [MAIN, 'run', '-c', file, '--no-watch'], {
    cwd: folder,
    stdio: ['ignore', pipe.stdout, 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const ready = async () => (await request(discoveryPort, 'GET', '/readyz')).status === 200
  await waitFor(ready, { timeoutMs: 20_000, what: 'the start' })

  const load = async () => {
    for (let i = 0; i < 200; i++) assert.equal((await request(processorPort, 'GET', `/s/${i}`)).status, 200)
  }
  await Promise.all([load(), load(), load()])
  await waitFor(() => pipe.isFull(), { what: 'the pipe to be full' })
  const loaded = load()
  for (let weight = 2; weight < 6; weight++) {
    await writeFile(file, config(weight))
    // It is told in the log, by the process that answers.
    const reload = await within(request(discoveryPort, 'POST', '/api/v1/reload'), 5000, 'a reload')
    assert.equal((reload.json() as { changed: boolean }).changed, true)
    assert.equal(await within(ready(), 1000, '/readyz'), true)
  }
  await loaded
  assert.ok(pipe.isFull())
  child.kill('SIGTERM')
  assert.equal(await within(exited, 15_000, 'the end'), 0)
})
