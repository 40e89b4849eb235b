// The sample service is a newcomer's first contact: it must say who answered and what it was asked.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { request } from '../kit/http.js'
import { freePort, isListening } from '../kit/ports.js'
import { runProcess, startProcess } from '../kit/process.js'
import type { Cleanup } from '../kit/process.js'
import { waitFor } from '../kit/wait.js'
import { ROOT } from '../structure/sources.js'

const script = join(ROOT, 'examples', 'service.mjs')

async function startSample(t: Cleanup): Promise<number> {
  const port = await freePort()
  await startProcess(process.execPath, [script, 'orders', String(port)], { t })
  await waitFor(() => isListening(port), { what: 'the sample to listen' })
  return port
}

test('a sample instance names itself and echoes any method, path and body', async (t) => {
  const port = await startSample(t)
  const answer = await request(port, 'PURGE', '/orders/17?a=1&a=2', { body: 'hello' })
  const { service, instance, method, path, body } = answer.json() as Record<string, unknown>
  assert.deepEqual(
    [answer.status, service, instance, method, path, body],
    [200, 'orders', `127.0.0.1:${port}`, 'PURGE', '/orders/17?a=1&a=2', 'hello'],
  )
})

test('a sample instance is healthy, and fails on request', async (t) => {
  const port = await startSample(t)
  assert.equal((await request(port, 'GET', '/health')).status, 200)
  assert.equal((await request(port, 'GET', '/orders?status=503&delay=1')).status, 503)
})

test('a sample instance whose port is taken says so in one line', async (t) => {
  const port = await startSample(t)
  const { code, stderr } = await runProcess(process.execPath, [script, 'users', String(port)])
  assert.deepEqual([code, stderr], [1, `users 127.0.0.1:${port}: port ${port} is in use\n`])
})
