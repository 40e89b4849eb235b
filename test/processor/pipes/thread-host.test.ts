// `isolate: thread` in the real gateway, over real sockets: the same pipe, and its mischief hurts nobody else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOpenLoad } from '../../kit/open-load.js'
import { startOrigin } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { pipeOf, writePipes } from './rig.js'

test('a pipe in a thread changes requests and answers, and answers by itself', async (t) => {
  const origin = await startOrigin(t, async (asked) => {
    asked.answer(200, `${asked.target} ${asked.field('x-client')} ${String(await asked.body())}`, { Server: 's' })
  })
  const files = await writePipes(t, {
    p: pipeOf(
      `onRequest(x) {
        if (x.path === '/stop') return { status: 403, headers: { 'X-Why': 'no' }, body: 'stopped' }
        x.target = '/v2' + x.target
        x.headers.set('X-Client', x.address)
        x.setBody(x.body.toString().toUpperCase())
        x.state.set('p', 7)
      },
      onResponse(x, answer) { answer.headers.delete('server'); answer.headers.set('X-State', String(x.state.get('p'))) },`,
      `buffer: { request: 1000 },`,
    ),
  })
  const { port } = await startGateway(t, {
    services: { a: { servers: [origin.address], apis: ['/'] } },
    processor: { pipes: [{ use: files['p'], isolate: 'thread' }] },
  })
  const changed = await request(port, 'POST', '/x?y=1', { body: 'hello' })
  assert.equal(changed.text(), '/v2/x?y=1 127.0.0.1 HELLO')
  assert.deepEqual([changed.field('Server'), changed.field('X-State')], [undefined, '7'])
  const stopped = await request(port, 'GET', '/stop')
  assert.deepEqual([stopped.status, stopped.text(), stopped.field('X-Why')], [403, 'stopped', 'no'])
  assert.equal((await request(port, 'POST', '/big', { body: 'x'.repeat(2000) })).status, 413)
})

test('a pipe that sets the body of answers sets none where an answer has none, in a thread as in the worker', async (t) => {
  const origin = await startOrigin(t, (asked) => {
    if (asked.target === '/204') asked.send('HTTP/1.1 204 No Content\r\n\r\n')
    else asked.answer(200, asked.target === '/empty' ? '' : 'long enough')
  })
  const files = await writePipes(t, {
    p: pipeOf(`onResponse(x, answer) { answer.setBody('other') },`, `buffer: { response: 1000 },`),
  })
  for (const isolate of ['none', 'thread']) {
    const { port } = await startGateway(t, {
      services: { a: { servers: [origin.address], apis: ['/'] } },
      processor: { pipes: [{ use: files['p'], isolate }] },
    })
    const answers = [
      ['GET', '/'] as const,
      ['HEAD', '/'] as const,
      ['GET', '/204'] as const,
      ['GET', '/empty'] as const,
    ]
    const told: unknown[] = []
    for (const [method, target] of answers) {
      const answer = await request(port, method, target)
      told.push([answer.status, answer.text()])
    }
    assert.deepEqual(
      told,
      [
        [200, 'other'],
        [200, ''],
        [204, ''],
        [200, ''],
      ],
      isolate,
    )
  }
})

for (const [what, mischief] of [
  ['loops for ever', 'for (;;);'],
  ['eats its memory', 'const all = []; for (;;) all.push(new Array(10_000).fill(all.length))'],
  ['ends its thread', 'process.exit(1)'],
  ['throws later, again and again', `setInterval(() => { throw new Error('late') }, 1)`],
] as const) {
  test(`a pipe in a thread that ${what} fails no request of another route`, async (t) => {
    const origin = await startOrigin(t, (asked) => asked.answer(200, 'fine'))
    const files = await writePipes(t, {
      bad: pipeOf(`onRequest(x) { if (x.query('do') === '1') { ${mischief} } x.headers.set('x-seen', '1') },`),
    })
    const gateway = await startGateway(t, {
      services: { a: { servers: [origin.address], apis: ['/other'] } },
      routes: [
        {
          match: { path: '/bad' },
          service: 'a',
          pipes: [{ use: files['bad'], isolate: 'thread', hook_timeout: '2s' }],
        },
      ],
    })
    const { port } = gateway
    assert.equal((await request(port, 'GET', '/bad')).status, 200)
    const load = startOpenLoad(port, '/other', { perSecond: 100 })
    const { status } = await request(port, 'GET', '/bad?do=1')
    assert.equal(status, what.startsWith('throws') ? 200 : 500)
    await waitFor(async () => (await request(port, 'GET', '/bad')).status === 200, {
      what: 'the pipe',
      timeoutMs: 10_000,
    })
    await waitFor(() => load.sent >= 50, { what: 'the load' })
    const outcomes = await load.stop()
    assert.deepEqual(Object.keys(outcomes), ['200'])
  })
}
