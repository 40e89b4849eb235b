// WebSocket: every message comes back as it was sent, and one that stays open does not keep the gateway from ending.
import type { Cleanup } from '../../../test/kit/process.js'
import { waitFor, within } from '../../../test/kit/wait.js'
import { part, startBed, startOrigin } from '../bed.js'
import { atMost, type Check, exactly } from '../check.js'
import type { WebSocketCalls } from '../parts/websocket-client.js'

export interface WebSocketSize {
  readonly messages: number
  readonly drainMs: number
}

/** For the processes to end, the store to be written. */
const SLACK_MS = 4000

export async function websocket(t: Cleanup, { messages, drainMs }: WebSocketSize): Promise<Check[]> {
  const origin = await startOrigin(t)
  const { gateway, port, worker } = await startBed(t, {
    processor: { timeouts: { drain_ms: drainMs } },
    services: { s: { address: origin.address, more: { upgrade: ['websocket'] } } },
  })
  const client = part<WebSocketCalls>(t, 'websocket-client')
  const seen = await client.ask('echo', port, '/s/ws', messages)
  const settled = await worker.settled(2000)
  const sound = await worker.soundness()

  await client.ask('stay', port, '/s/ws')
  const endedAt = performance.now()
  gateway.kill('SIGTERM')
  const ending = within(gateway.exited, drainMs * 5, 'the end of the gateway')
  const how = await ending.then(({ code, signal }) => String(signal ?? code)).catch((error: Error) => error.message)
  const tookMs = performance.now() - endedAt
  const told = await waitFor(() => client.ask('stayEnded')).catch(() => false)
  const size = `${messages} messages, ${(seen.bytes / 2 ** 20).toFixed(1)} MiB each way`
  return [
    exactly('sent together with the 101', seen.greeting, 'hello'),
    exactly(`${size}: came back`, seen.echoed, messages),
    exactly('checksum of what came back', seen.echoedSum.slice(0, 16), seen.sentSum.slice(0, 16)),
    exactly('in flight afterwards', settled.inFlight, 0),
    sound,
    exactly('SIGTERM while one is open: exit code', how, '0'),
    atMost(`… with a drain of ${drainMs / 1000} s: ended after`, tookMs / 1000, (drainMs + SLACK_MS) / 1000, 's', 1),
    exactly('… its client sees the end', String(told), 'true'),
  ]
}
