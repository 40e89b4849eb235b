// What one worker keeps for a part the others need not ask for: their caches are one to the service.
import { test } from 'node:test'
import { parseTestConfig } from '../../kit/config.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { startSupervised } from '../supervised.js'

/** Asked so often, one of two workers alone has all of them by a chance of 1 in 128. */
const TIMES = 8
/** By that chance so many in a row do not happen. */
const IN_A_ROW = 5

for (const [what, answer] of [
  ['an answer', { 'Cache-Control': 'max-age=600' }],
  ['an answer with Vary', { 'Cache-Control': 'max-age=600', Vary: 'X-Kind, Accept-Encoding' }],
] as const) {
  test(`${what} that one worker keeps is asked for by none of the others`, async (t) => {
    const origin = await startOrigin(t, (asked) => asked.answer(200, '{"a":1}', answer))
    const port = await freePort()
    const config = parseTestConfig({
      version: 1,
      processor: { port, workers: 2 },
      services: { api: { servers: [origin.address], polling: { method: 'tcp' }, apis: ['/api'] } },
      routes: [{ match: { path: '/m/{id}' }, merge: [{ service: 'api', path: '/{id}', cache: true }] }],
    })
    await startSupervised(t, config)
    let id = 0
    let inARow = 0
    await waitFor(
      async () => {
        id++
        for (let i = 0; i < TIMES; i++) await request(port, 'GET', `/m/${id}`, { fields: { 'X-Kind': 'a' } })
        const asked = origin.requests.filter(({ target }) => target === `/${id}`).length
        inARow = asked === 1 ? inARow + 1 : 0
        return inARow >= IN_A_ROW
      },
      { what: 'answers to be asked for once', timeoutMs: 20_000 },
    )
  })
}
