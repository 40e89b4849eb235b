// Honest clients: so many requests a second over kept connections, each with a token that its answer must bring back.
import net from 'node:net'
import { median } from '../../proxy/statistics.js'
import { AnswerReader } from './answer-reader.js'
import { answerCalls } from './calls.js'

export interface HonestPlan {
  readonly port: number
  /** The token is put behind it. */
  readonly path: string
  readonly connections: number
  readonly perSecond: number
}

export interface HonestSummary {
  readonly sent: number
  /** `200`; the status of a problem; `foreign`: not the answer to this request; `cut`: the connection broke. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Medians over the seconds: one stall of the machine is not to count as a hundred slow answers. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const TICK_MS = 2

let stop: (() => Promise<HonestSummary>) | undefined

function begin({ port, path, connections, perSecond }: HonestPlan): () => Promise<HonestSummary> {
  const free: Client[] = []
  /** When requests became due that no connection was free for: their waiting counts. */
  const due: number[] = []
  const seconds: number[][] = []
  const outcomes: Record<string, number> = {}
  let sent = 0
  let answered = 0
  let ended: (() => void) | undefined

  function note(latencyMs: number): void {
    const second = Math.floor((performance.now() - startedAt) / 1000)
    ;(seconds[second] ??= []).push(latencyMs)
  }

  class Client {
    private socket: net.Socket | undefined
    private reader = new AnswerReader()
    private token = ''
    private since = 0

    send(since: number): void {
      this.since = since
      this.token = `t${++sent}`
      this.reader = new AnswerReader()
      this.socket ??= this.open()
      this.socket.write(`GET ${path}${this.token} HTTP/1.1\r\nHost: honest\r\n\r\n`)
    }

    private open(): net.Socket {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
      socket.on('error', () => undefined)
      socket.on('close', () => {
        if (this.socket !== socket) return
        this.socket = undefined
        if (this.token !== '') this.done('cut')
      })
      socket.on('data', (chunk: Buffer) => {
        const taken = this.token === '' ? 0 : this.reader.feed(chunk)
        // Bytes that answer nothing are somebody else's.
        if (taken < chunk.length) return this.done('foreign')
        if (this.reader.whole) this.done(this.outcome())
      })
      return socket
    }

    private outcome(): string {
      const { status, text, problem } = this.reader
      if (status === 200) return text === this.token ? '200' : 'foreign'
      return problem ? String(status) : `${status} without a problem`
    }

    private done(outcome: string): void {
      if (outcome === 'cut' && this.reader.status !== 0) outcome = 'cut within the answer'
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      if (outcome === '200') note(performance.now() - this.since)
      this.token = ''
      answered++
      const next = due.shift()
      if (next === undefined) free.push(this)
      else this.send(next)
      if (answered === sent) ended?.()
    }

    close(): void {
      this.socket?.destroy()
    }
  }

  const clients = Array.from({ length: connections }, () => new Client())
  free.push(...clients)
  const startedAt = performance.now()
  let planned = 0
  const timer = setInterval(() => {
    const now = performance.now()
    const wanted = ((now - startedAt) * perSecond) / 1000
    for (; planned < wanted; planned++) {
      const client = free.shift()
      if (client === undefined) due.push(now)
      else client.send(now)
    }
  }, TICK_MS)

  return async () => {
    clearInterval(timer)
    due.length = 0
    if (answered < sent) await new Promise<void>((resolve) => (ended = resolve))
    for (const client of clients) client.close()
    // The last second is not a whole one.
    const whole = seconds.length > 1 ? seconds.slice(0, -1) : seconds
    const over = (share: number): number => median(Array.from(whole, (latencies) => quantile(latencies ?? [], share)))
    return { sent, outcomes, p50Ms: over(0.5), p99Ms: over(0.99), maxMs: Math.max(...seconds.flat()) }
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  // A second without a single answer is as slow as can be.
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Infinity
}

const calls = {
  start: (plan: HonestPlan) => void (stop = begin(plan)),
  /** Ends after the requests in flight. */
  stop: async (): Promise<HonestSummary> => {
    if (stop === undefined) throw new Error('nothing was started')
    return stop()
  },
}

export type HonestCalls = typeof calls
answerCalls(calls)
