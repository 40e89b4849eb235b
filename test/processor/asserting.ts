// What the tests of failures and of attempts share: one service, and what a problem looks like.
import assert from 'node:assert/strict'
import type { TestGateway } from '../kit/gateway.js'
import { type Answer, parseAnswer, rawRequest } from '../kit/http.js'

export const service = (servers: string | readonly unknown[], more = {}) => ({
  services: { s: { servers: typeof servers === 'string' ? [servers] : servers, apis: ['/s'], ...more } },
})

export function assertProblem(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status)
  assert.equal(answer.field('content-type'), 'application/problem+json')
  const body = answer.json() as Record<string, unknown>
  assert.equal(body['type'], `urn:serverpy:error:${code}`)
  assert.equal(body['code'], status)
  assert.equal(body['request_id'], answer.field('x-request-id'))
}

export function assertCounted(gateway: TestGateway, code: string, times = 1): void {
  const { codes, served, records, shed } = gateway.report()
  assert.deepEqual(codes, { [code]: times })
  assert.equal(records.length + shed, served)
}

/**
 * A GET whose answer must reach the client as cut off: reset, or ended before its announced end. libuv shows a reset that
 * comes together with data as an end, so a client of Node cannot always tell the two apart; a whole answer it can.
 */
export async function assertCutOff(port: number): Promise<void> {
  const outcome = await rawRequest(port, 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n').catch(
    (error: NodeJS.ErrnoException) => error,
  )
  if (outcome instanceof Error) assert.equal(outcome.code, 'ECONNRESET')
  else assert.throws(() => parseAnswer(outcome), /no complete answer/)
}
