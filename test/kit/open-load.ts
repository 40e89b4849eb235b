// An open loop for tests that change something under it: requests go out at their times, whether earlier ones are answered or not.
import http from 'node:http'

export interface OpenLoad {
  /** Answers by status, failures by their error code. */
  readonly outcomes: ReadonlyMap<string, number>
  readonly sent: number
  /** Sends no more; resolves with the outcomes when every request has one. */
  stop(): Promise<Record<string, number>>
}

export interface OpenLoadOptions {
  readonly perSecond: number
  /** One connection for each request; else they are kept. */
  readonly fresh?: boolean
  /** Every other request is a POST with a short body. */
  readonly posts?: boolean
}

const TURN_MS = 5
/** On a machine that cannot keep the pace requests are left out: a heap of them would only test its patience. */
const MOST_IN_FLIGHT = 100

export function startOpenLoad(port: number, path: string, options: OpenLoadOptions): OpenLoad {
  const { perSecond, fresh = false, posts = false } = options
  // In turn, so that none rests for long: a server that leaves waits for each.
  const agent = new http.Agent({ keepAlive: !fresh, scheduling: 'fifo' })
  const outcomes = new Map<string, number>()
  const startedAt = performance.now()
  const running = new Set<Promise<void>>()
  let sent = 0
  let skipped = 0

  function once(): Promise<void> {
    const method = posts && sent % 2 === 1 ? 'POST' : 'GET'
    return new Promise((resolve) => {
      const end = (what: string): void => {
        outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
        resolve()
      }
      const request = http.request({ agent, port, host: '127.0.0.1', path, method }, (answer) => {
        answer.resume()
        answer.on('end', () => end(answer.complete ? String(answer.statusCode) : 'cut off'))
        answer.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'))
      })
      request.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'))
      request.end(method === 'POST' ? 'a body' : undefined)
    })
  }

  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) * perSecond) / 1000
    while (sent + skipped < due) {
      if (running.size >= MOST_IN_FLIGHT) {
        skipped++
        continue
      }
      const one = once()
      sent++
      running.add(one)
      void one.finally(() => running.delete(one))
    }
  }, TURN_MS)

  return {
    outcomes,
    get sent() {
      return sent
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(running)
      agent.destroy()
      return Object.fromEntries(outcomes)
    },
  }
}
