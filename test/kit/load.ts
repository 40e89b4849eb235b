// Steady traffic for tests that break something under it: keep-alive clients that note each answer, or its absence.
import http from 'node:http'

export interface Load {
  /** Statuses by number, failures by their error code. */
  readonly outcomes: Map<string, number>
  /** Ends after the requests in flight; resolves with the number of requests. */
  stop(): Promise<number>
}

/** `clients` loops, each sending the next GET when the last one has ended. */
export function startLoad(port: number, path: string, clients: number): Load {
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients })
  const outcomes = new Map<string, number>()
  let going = true
  let sent = 0
  const note = (what: string): void => void outcomes.set(what, (outcomes.get(what) ?? 0) + 1)

  const once = (): Promise<void> =>
    new Promise((resolve) => {
      sent++
      const req = http.get({ agent, port, host: '127.0.0.1', path }, (res) => {
        res.resume()
        res.on('end', () => (note(String(res.statusCode)), resolve()))
        res.on('error', (error: NodeJS.ErrnoException) => (note(error.code ?? 'error'), resolve()))
      })
      req.on('error', (error: NodeJS.ErrnoException) => (note(error.code ?? 'error'), resolve()))
    })

  const loops = Array.from({ length: clients }, async () => {
    while (going) await once()
  })
  return {
    outcomes,
    async stop() {
      going = false
      await Promise.all(loops)
      agent.destroy()
      return sent
    },
  }
}
