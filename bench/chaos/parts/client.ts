// Clients in a process of their own: an open loop, so a request is sent when it is due, whatever became of those before it.
import { answerCalls } from '../../endurance/parts/calls.js'
import { Connection, type Outcome } from './connection.js'
import { bodyOf, PATH } from './messages.js'
import { monotonicMs } from './monotonic.js'

export interface LoadPlan {
  readonly port: number
  readonly perSecond: number
  /** Every so many requests one is a POST; 0: none. */
  readonly postEvery: number
  /** Requests in all; without it until `stop`. */
  readonly count?: number
}

export interface Sent {
  readonly id: string
  readonly post: boolean
  /** Monotonic. */
  readonly dueMs: number
  readonly endMs: number
  /** `200`: whole and right; `wrong`: whole and not what belongs to it; a status; or how it broke. */
  readonly outcome: Outcome
  /** Of a refusal: it said when to come back. */
  readonly retryAfter: boolean
}

const TICK_MS = 1
/** Of two loads never the same id. */
let loads = 0
let stop: (() => Promise<readonly Sent[]>) | undefined

function begin({ port, perSecond, postEvery, count = Infinity }: LoadPlan): () => Promise<readonly Sent[]> {
  const load = ++loads
  const sent: Sent[] = []
  const idle: Connection[] = []
  const open = new Set<Connection>()
  const startedAt = monotonicMs()
  let planned = 0
  let ended = (): void => undefined

  function send(dueMs: number): void {
    const id = `r${load}-${++planned}`
    const post = postEvery > 0 && planned % postEvery === 0
    const body = post ? `Content-Length: ${bodyOf(id).length}\r\n\r\n${bodyOf(id)}` : '\r\n'
    // The one used last first: the others may come to their end.
    let connection = idle.pop()
    while (connection?.usable === false) connection = idle.pop()
    if (connection === undefined) {
      connection = new Connection(port, () => open.delete(connection as Connection))
      open.add(connection)
    }
    const used = connection
    used.send(`${post ? 'POST' : 'GET'} ${PATH}${id} HTTP/1.1\r\nHost: chaos\r\n${body}`, id, (outcome, retryAfter) => {
      sent.push({ id, post, dueMs, endMs: monotonicMs(), outcome, retryAfter })
      if (used.usable) idle.push(used)
      if (sent.length === planned) ended()
    })
  }

  const timer = setInterval(() => {
    const wanted = Math.min(count, ((monotonicMs() - startedAt) * perSecond) / 1000)
    while (planned < wanted) send(startedAt + (planned * 1000) / perSecond)
  }, TICK_MS)

  return async () => {
    clearInterval(timer)
    if (sent.length < planned) await new Promise<void>((resolve) => (ended = resolve))
    for (const connection of open) connection.close()
    return sent
  }
}

const calls = {
  start: (plan: LoadPlan) => void (stop = begin(plan)),
  /** Ends after the requests in flight. */
  stop: async (): Promise<readonly Sent[]> => {
    const end = stop
    stop = undefined
    return (await end?.()) ?? []
  },
}

export type ClientCalls = typeof calls
answerCalls(calls)
