// The pipe `error` over real sockets: pages in the place of the gateway's problems, and whatever else was in the answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

async function startWithPages(t: Cleanup, options: Record<string, unknown>) {
  const origin = await startOrigin(t, (req) => {
    if (req.target === '/reset') return req.reset()
    return req.answer(Number(req.target.slice(1)) || 200, 'of the service', { 'X-Of': 'service' })
  })
  const gateway = await startGateway(t, {
    processor: {
      pipes: [
        { use: 'headers', response: { set: { 'X-Outer': '1' } } },
        { use: 'error', ...options },
        { use: 'headers', response: { set: { 'X-Inner': '1' } } },
      ],
    },
    services: { api: { servers: [origin.address], apis: ['/'], retry: { attempts: 1 } } },
  })
  const get = (target: string, accept = '*/*') => request(gateway.port, 'GET', target, { fields: { Accept: accept } })
  return { get, gateway, origin }
}

test('a failure of the gateway has the page for its code or its status; its status and fields stay', async (t) => {
  const { get, gateway } = await startWithPages(t, {
    pages: [
      { code: 'no-instance', text: 'nobody is there: {status} {title}' },
      { status: '5xx', text: 'something failed: {status}', html: '<b>{status}</b>' },
    ],
  })
  const reset = await get('/reset')
  assert.deepEqual([reset.status, reset.text()], [502, 'something failed: 502'])
  assert.equal((await get('/reset', 'text/html')).text(), '<b>502</b>')
  const url = gateway.config.services[0]?.servers[0]?.spec.url ?? ''
  gateway.set({ [url]: { override: 'drain' } })
  const none = await get('/x')
  assert.deepEqual([none.status, none.text()], [503, 'nobody is there: 503 Service Unavailable'])
  assert.equal(none.field('retry-after'), '5')
  assert.match(none.field('proxy-status') ?? '', /destination_unavailable/)
  assert.deepEqual([none.field('x-inner'), none.field('x-outer')], ['1', '1'])
  assert.equal(none.fields.filter(([name]) => name.toLowerCase() === 'content-type').length, 1)
})

test('the form is what the client takes, whatever later pipes keep from instances, and caches hear of it', async (t) => {
  const pages = [{ html: '<b>{status}</b>', json: '{}' }]
  const pipes = [
    { use: 'error', pages, instances: true },
    { use: 'filter', headers: [] },
  ]
  const { port } = await startPiped(t, {}, pipes, {
    handler: (req) => req.answer(404, 'of the service', { Vary: 'Cookie', 'Cache-Control': 'max-age=60' }),
  })
  const ask = (accept: string) => request(port, 'GET', '/', { fields: { Accept: accept } })
  const page = await ask('text/html')
  assert.deepEqual([page.text(), page.field('vary')], ['<b>404</b>', 'Cookie, Accept'])
  const other = await ask('image/png')
  assert.deepEqual([other.text(), other.field('vary')], ['of the service', 'Cookie, Accept'])
})

test('a failure that no page is for stays as it is', async (t) => {
  const { get } = await startWithPages(t, { pages: [{ code: 'no-route', text: 'x' }] })
  const answer = await get('/reset')
  assert.deepEqual([answer.status, answer.field('content-type')], [502, 'application/problem+json'])
})

test("a service's own failures stay, unless the config says otherwise", async (t) => {
  const own = await startWithPages(t, { pages: [{ status: '500-599', text: 'page' }] })
  assert.equal((await own.get('/500')).text(), 'of the service')
  const replaced = await startWithPages(t, { pages: [{ status: ['500-599', 418], text: 'page' }], instances: true })
  const answer = await replaced.get('/500')
  assert.deepEqual([answer.status, answer.text(), answer.field('x-of')], [500, 'page', 'service'])
  assert.equal((await replaced.get('/418')).text(), 'page')
  assert.equal((await replaced.get('/404')).text(), 'of the service')
  assert.equal((await replaced.get('/200')).text(), 'of the service')
})

test('faults of the config', () => {
  const faults = (pages: unknown) => saidOf({ use: 'error', pages }).faults.join()
  assert.match(faults([{ text: 'x', code: 'no-rout' }]), /no-route/)
  assert.match(faults([{ text: 'x', status: 'six' }]), /not a status/)
  assert.match(faults([{ status: 404 }]), /a page needs "html", "json" or "text"/)
  assert.match(faults([]), /must not be empty/)
})
