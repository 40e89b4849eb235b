// Time that passes for a gateway in the test's own process, without the test waiting for it.
import type { TestContext } from 'node:test'
import type { TestGateway } from '../kit/gateway.js'
import { waitFor } from '../kit/wait.js'

/**
 * Has the clock go on by so much, and waits until the gateway has seen that. Deadlines fire up to two ticks, 20 ms, late.
 * The test's end sets the clock right again.
 */
export async function pass(t: TestContext, { core }: TestGateway, ms: number): Promise<void> {
  const before = core.wheel.now()
  const { now } = performance
  t.mock.method(performance, 'now', () => now.call(performance) + ms)
  await waitFor(() => core.wheel.now() >= before + ms, { timeoutMs: ms + 5000, what: 'the clock of the gateway' })
}
