// The pipe `not-found` over real sockets: the page for what no route takes, in the form that the client wants.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'

async function startWithPage(t: Cleanup, options: Record<string, unknown>) {
  const origin = await startOrigin(t, (req) => req.answer(req.target === '/api/none' ? 404 : 200, 'of the service'))
  const { port } = await startGateway(t, {
    processor: { pipes: [{ use: 'not-found', ...options }] },
    services: { api: { servers: [origin.address], apis: ['/api'] } },
  })
  return (target: string, accept?: string, method = 'GET') =>
    request(port, method, target, { fields: accept === undefined ? {} : { Accept: accept } })
}

const ALL = {
  html: '<h1>{status} {title}</h1><p>{path} {id}</p>',
  json: '{"error":"{title}","path":"{path}","more":{"a":1}}',
  text: '{status} {path}\n',
}

test('the page comes in the form that the client wants', async (t) => {
  const get = await startWithPage(t, ALL)
  const html = await get('/x', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8')
  assert.deepEqual([html.status, html.field('content-type')], [404, 'text/html; charset=utf-8'])
  assert.equal(html.text(), `<h1>404 Not Found</h1><p>/x ${html.field('x-request-id')}</p>`)
  const json = await get('/x', '*/*')
  assert.deepEqual(json.json(), { error: 'Not Found', path: '/x', more: { a: 1 } })
  assert.equal((await get('/x')).field('content-type'), 'application/json')
  assert.equal((await get('/x', 'text/plain')).text(), '404 /x\n')
  assert.equal((await get('/x', 'text/html;q=0.1, application/json;q=0.9')).field('content-type'), 'application/json')
  const none = await get('/x', 'image/png')
  assert.equal(none.field('content-type'), 'application/problem+json', 'who takes no form of it gets the problem')
})

test('what a client sent is escaped', async (t) => {
  const get = await startWithPage(t, ALL)
  const html = await get('/<script>alert("x")</script>&\'', 'text/html')
  if (html.status === 404) {
    assert.doesNotMatch(html.text(), /<script>/)
    assert.match(html.text(), /&lt;script&gt;alert\(&quot;x&quot;\)&lt;\/script&gt;&amp;&#39;/)
    assert.equal(((await get('/"}\\', '*/*')).json() as { path: string }).path, '/"}\\')
  } else assert.equal(html.status, 400)
  assert.match((await get('/%3Cb%3E&x', 'text/html')).text(), /\/%3Cb%3E&amp;x/)
})

test('HEAD gets the head of the page', async (t) => {
  const get = await startWithPage(t, ALL)
  const head = await get('/x', 'text/html', 'HEAD')
  assert.deepEqual([head.status, head.field('content-type'), head.body.length], [404, 'text/html; charset=utf-8', 0])
  assert.notEqual(head.field('content-length'), '0')
})

test("a service's own 404 stays, unless the config says otherwise", async (t) => {
  const own = await startWithPage(t, { text: 'page' })
  assert.deepEqual([(await own('/api/none')).status, (await own('/api/none')).text()], [404, 'of the service'])
  const replaced = await startWithPage(t, { text: 'page', instances: true })
  assert.deepEqual([(await replaced('/api/none')).status, (await replaced('/api/none')).text()], [404, 'page'])
  assert.equal((await replaced('/api/x')).text(), 'of the service')
})

test('a page may stand in a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-page-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, '404.html'), '<p>nothing é</p>')
  const get = await startWithPage(t, { html_file: join(folder, '404.html') })
  assert.equal((await get('/x', 'text/html')).text(), '<p>nothing é</p>')
  await writeFile(join(folder, 'long.html'), 'x'.repeat(300_000))
  assert.match(saidOf({ use: 'not-found', html_file: join(folder, 'long.html') }).faults.join(), /larger than 256 KiB/)
})

test('faults of the config', () => {
  const faults = (options: object) => saidOf({ use: 'not-found', ...options }).faults.join()
  assert.match(faults({}), /a page needs "html", "json" or "text"/)
  assert.match(faults({ html: 'x', html_file: 'y' }), /"html" is there too/)
  assert.match(faults({ html_file: 'nowhere.html' }), /there is no such file/)
})
