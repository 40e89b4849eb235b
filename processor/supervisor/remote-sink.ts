// Sends what the workers counted to a discovery server elsewhere: each count arrives once, however often it has to be sent.
import { randomUUID } from 'node:crypto'
import { REPORT_ID_HEADER } from '../../shared/metrics/limits.js'
import type { TrafficSink } from '../../shared/metrics/report.js'
import { createBackoff, createLink, exposesToken, type LinkDeps } from './discovery-link.js'
import { createPendingReports } from './pending-report.js'

const ANSWER_MS = 10_000
const CLOSE_MS = 2_000
/** The other side will never take this report: to send it again would only keep the next ones from arriving. */
const REFUSED: readonly number[] = [400, 413, 415, 422]

export interface RemoteSink extends TrafficSink {
  /** Sends what waits, for at most 2 seconds; what comes later is ignored. */
  close(): Promise<void>
}

/**
 * Reports wait, added up, while the discovery server at `url` is out of reach: counts for as long as the process lives,
 * records up to a bound beyond which they are shed. Throws a TypeError for what is no http(s) URL.
 */
export function createRemoteSink(url: string, deps: LinkDeps): RemoteSink {
  const { clock, log } = deps
  const link = createLink(url, deps)
  const backoff = createBackoff(deps.random ?? Math.random)
  const sender = randomUUID()
  const pending = createPendingReports()
  let number = 0
  let sending = Promise.resolve()
  let busy = false
  let troubled = false
  let closing = false
  let gaveUp = false
  let wake: (() => void) | undefined
  let abort: (() => void) | undefined

  if (deps.token !== undefined && exposesToken(url)) {
    log.warn({ registry: link.name }, 'the token is sent over plain http: whoever is on the way can read it')
  }

  async function sendAll(): Promise<void> {
    for (let report = pending.take(); report !== undefined; report = pending.take()) {
      const body = Buffer.from(JSON.stringify(report))
      const id = `${sender}:${number++}`
      // The same bytes under the same id until they are acknowledged: an answer may be lost when its report was not.
      while (!(await deliver(body, id))) {
        if (!gaveUp) await pause(backoff.next())
        if (gaveUp) return log.error({ registry: link.name }, 'the last counts could not be delivered')
      }
    }
    busy = false
  }

  /** Whether this report is done with. */
  async function deliver(body: Buffer, id: string): Promise<boolean> {
    let status: number
    try {
      status = await post(body, id)
    } catch (error) {
      return failed(error instanceof Error ? error.message : String(error))
    }
    if (REFUSED.includes(status)) {
      log.error({ registry: link.name, status }, 'the discovery server refused a report; its counts are lost')
      return true
    }
    if (status === 401 || status === 403) {
      return failed(`it answered ${status}: set the same discovery.token in both configs`)
    }
    if (status < 200 || status > 299) return failed(`it answered ${status}`)
    backoff.reset()
    if (troubled) log.info({ registry: link.name }, 'counts are delivered again')
    troubled = false
    return true
  }

  function failed(reason: string): false {
    if (!troubled) log.warn({ registry: link.name, reason }, 'counts cannot be delivered; they wait')
    troubled = true
    return false
  }

  function post(body: Buffer, id: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': body.length, [REPORT_ID_HEADER]: id }
      const request = link.open('POST', 'api/v1/reports', headers, (answer) => {
        answer.resume()
        answer.once('error', reject)
        answer.once('end', () => resolve(answer.statusCode ?? 0))
      })
      abort = () => request.destroy(new Error('the process ends'))
      const late = clock.after(ANSWER_MS, () => request.destroy(new Error(`no answer in ${ANSWER_MS} ms`)))
      request.once('close', () => {
        late()
        reject(new Error('the connection was closed'))
      })
      request.once('error', reject)
      request.end(body)
    })
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(ms, resolve)
      wake = () => {
        cancel()
        resolve()
      }
    })
  }

  function start(): void {
    if (busy) return
    busy = true
    sending = sendAll()
  }

  return {
    accept(report) {
      if (closing) return
      pending.add(report)
      start()
    },
    async close() {
      closing = true
      const cancel = clock.after(CLOSE_MS, () => {
        gaveUp = true
        wake?.()
        abort?.()
      })
      wake?.()
      start()
      await sending
      cancel()
    },
  }
}
