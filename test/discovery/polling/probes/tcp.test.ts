// The tcp probe, and what every probe owes to the clock.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePort } from '../../../kit/ports.js'
import { waitFor } from '../../../kit/wait.js'
import { server } from '../../servers.js'
import { prober, raw } from './listen.js'

test('whoever accepts passes, and sees a clean close even after a greeting', async (t) => {
  const ends: string[] = []
  const address = await raw(t, (socket) => {
    socket.on('end', () => ends.push('end'))
    socket.on('error', () => ends.push('error'))
    socket.on('close', () => ends.push('close'))
    socket.write('220 mail.example ESMTP\r\n')
    socket.resume()
  })
  const result = await prober(t)(server(address))
  assert.deepEqual([result.verdict, result.status, result.response], ['passed', 'active', 'connected'])
  await waitFor(() => ends.includes('close'))
  assert.deepEqual(ends, ['end', 'close'])
})

test('nobody listening is service unreachable, with the reason', async (t) => {
  const result = await prober(t)(server(`127.0.0.1:${await freePort()}`))
  assert.deepEqual(
    [result.verdict, result.status, result.response],
    ['failed', 'service unreachable', 'connection refused'],
  )
})

test('a name is resolved, and equal questions at the same time get their answers', async (t) => {
  const address = await raw(t, (socket) => socket.resume())
  const port = address.split(':')[1]
  const probe = prober(t)
  const results = await Promise.all(Array.from({ length: 50 }, () => probe(server(`localhost:${port}`))))
  assert.deepEqual([...new Set(results.map((r) => r.verdict))], ['passed'])
})

test('an aborted signal needs no connection', async (t) => {
  const abort = new AbortController()
  abort.abort()
  let connections = 0
  const address = await raw(t, () => connections++)
  await prober(t)(server(address), abort.signal)
  assert.equal((await prober(t)(server(address))).verdict, 'passed')
  assert.equal(connections, 1)
})
