// The pipe `log` over real sockets: what the line of an exchange says, and what it never says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from '../../kit/http.js'
import { waitFor } from '../../kit/wait.js'
import { saidOf } from './faults.js'
import { startPiped, type Line } from './rig.js'

const exchanges = (lines: readonly Line[]) => lines.filter(({ fields }) => fields['method'] !== undefined)

test('each exchange has a line with what the config wants', async (t) => {
  const { port, lines } = await startPiped(t, {}, [
    {
      use: 'log',
      level: 'warn',
      message: 'seen',
      fields: ['method', 'path', 'status', 'duration', 'instance', 'error'],
    },
  ])
  await request(port, 'GET', '/a/b?secret=1')
  const line = await waitFor(() => exchanges(lines)[0])
  assert.deepEqual([line.level, line.message], ['warn', 'seen'])
  const { method, path, status, durationMs, instance, pipe } = line.fields
  assert.deepEqual([method, path, status, pipe], ['GET', '/a/b', 200, 'log'])
  assert.ok(typeof durationMs === 'number' && durationMs > 0)
  assert.ok(typeof instance === 'string' && instance !== '')
  assert.ok(!('error' in line.fields), 'what is empty is left out')
})

test('no spelling of a name brings its secret into a line', async (t) => {
  const fields = { X_Key: 'hidden', 'x-open': 'o', Referer: 'https://a.example/?access_token=hidden&b=1' }
  const { port, lines } = await startPiped(t, {}, [
    { use: 'log', fields: ['method', 'query'], request_headers: ['X_Key', 'Referer'], redact: ['X-Key'] },
  ])
  const target =
    '/?a=1&%74oken=hidden;hidden&Api-Key=hidden&user%5Bpassword%5D=hidden&b=2;token=hidden&x_key=hidden&c=3'
  await request(port, 'GET', target, { fields })
  const line = await waitFor(() => exchanges(lines)[0])
  assert.doesNotMatch(JSON.stringify(line), /hidden/)
  assert.match(String(line.fields['query']), /^a=1&.*&b=2;token=\*\*\*&.*&c=3$/)
})

test('of two on one way each shows what it is to show', async (t) => {
  const { port, lines } = await startPiped(t, {}, [
    { use: 'log', message: 'bare', fields: ['method'] },
    { use: 'log', message: 'full', fields: ['method'], answer_headers: ['X-Mark'] },
  ])
  await request(port, 'GET', '/', { fields: { 'X-Mark': 'm' } })
  await waitFor(() => exchanges(lines).length === 2)
  const shown = Object.fromEntries(exchanges(lines).map(({ message, fields }) => [message, fields['answerHeaders']]))
  assert.deepEqual(shown, { bare: undefined, full: { 'x-mark': 'm' } })
})

test('no secret is in a line', async (t) => {
  const { port, lines } = await startPiped(
    t,
    {},
    [
      {
        use: 'log',
        fields: ['method', 'query'],
        request_headers: ['Authorization', 'X-Key', 'X-Open'],
        answer_headers: ['Set-Cookie', 'X-Mark'],
        redact: ['X-Key'],
      },
    ],
    { handler: (req) => req.answer(200, '', { 'Set-Cookie': 's=hidden', 'X-Mark': 'm' }) },
  )
  const fields = { Authorization: 'Bearer hidden', 'X-Key': 'hidden', 'X-Open': 'o' }
  await request(port, 'GET', '/?a=1&access_token=hidden&x-key=hidden', { fields })
  const line = await waitFor(() => exchanges(lines)[0])
  assert.doesNotMatch(JSON.stringify(line), /hidden/)
  assert.deepEqual(line.fields['requestHeaders'], { authorization: '***', 'x-key': '***', 'x-open': 'o' })
  assert.deepEqual(line.fields['answerHeaders'], { 'set-cookie': '***', 'x-mark': 'm' })
  assert.equal(line.fields['query'], 'a=1&access_token=***&x-key=***')
})

test('of a share of the exchanges none is told but those that failed', async (t) => {
  const { port, lines } = await startPiped(t, {}, [{ use: 'log', share: 0 }], {
    handler: (req) => req.answer(req.target === '/bad' ? 500 : 200, ''),
  })
  for (let i = 0; i < 10; i++) await request(port, 'GET', '/good')
  await request(port, 'GET', '/bad')
  await waitFor(() => exchanges(lines).length > 0)
  assert.deepEqual(
    exchanges(lines).map(({ fields }) => [fields['path'], fields['status']]),
    [['/bad', 500]],
  )
})

test('a value that a client made long is cut', async (t) => {
  const { port, lines } = await startPiped(t, {}, [
    { use: 'log', fields: ['method', 'path'], request_headers: ['X-A'] },
  ])
  await request(port, 'GET', `/${'p'.repeat(4000)}`, { fields: { 'X-A': 'a'.repeat(4000) } })
  const line = await waitFor(() => exchanges(lines)[0])
  assert.ok(JSON.stringify(line).length < 3000)
})

test('faults of the config', () => {
  const faults = (options: object) => saidOf({ use: 'log', ...options }).faults.join()
  assert.match(faults({ fields: ['statsu'] }), /did you mean "status"/)
  assert.match(faults({ level: 'trace' }), /must be one of/)
  assert.match(faults({ request_headers: ['a b'] }), /not a name of a header field/)
})
