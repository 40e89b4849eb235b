// Clients that cost a server as much time as they can for as few bytes: dripping heads, dripping bodies, unread answers.
import net from 'node:net'
import { AnswerReader } from './answer-reader.js'
import { answerCalls } from './calls.js'

export interface AttackPlan {
  readonly port: number
  /** Sent at once. */
  readonly opening: string
  /** Sent byte by byte, over and over; empty: nothing more is sent. */
  readonly drip: string
  readonly everyMs: number
  /** Whether the answer is read at once, or only when `readAll` says so. */
  readonly reads: boolean
  readonly count: number
  /** The connections begin evenly over this time. */
  readonly rampMs: number
}

export interface AttackSummary {
  /** How connections ended: by status, `nothing`: closed without a word. */
  readonly ends: Readonly<Record<string, number>>
  /** How many have not noticed an end. */
  readonly open: number
}

const TICK_MS = 10

class Attacker {
  ended = false
  private readonly socket: net.Socket
  private readonly reader = new AnswerReader()
  private dripAt: number
  private sent = 0

  constructor(private readonly plan: AttackPlan) {
    this.dripAt = performance.now() + plan.everyMs
    this.socket = net.connect({ port: plan.port, host: '127.0.0.1', noDelay: true })
    this.socket.on('error', () => this.end())
    this.socket.on('close', () => this.end())
    if (plan.reads) this.read()
    this.socket.write(plan.opening)
  }

  read(): void {
    this.socket.on('data', (chunk: Buffer) => this.reader.feed(chunk))
  }

  tick(now: number): void {
    if (this.ended) return
    const { drip, everyMs } = this.plan
    if (drip === '' || this.dripAt > now) return
    this.dripAt += everyMs
    this.socket.write(drip.charAt(this.sent++ % drip.length))
  }

  destroy(): void {
    this.ended = true
    this.socket.destroy()
  }

  private end(): void {
    if (this.ended) return
    this.ended = true
    const verdict = this.reader.verdict()
    ends[verdict] = (ends[verdict] ?? 0) + 1
  }
}

let attackers: Attacker[] = []
let ends: Record<string, number> = {}
let timer: NodeJS.Timeout | undefined

const calls = {
  /** Resolves when all of them have begun. */
  begin: (plan: AttackPlan) =>
    new Promise<void>((resolve) => {
      attackers = []
      ends = {}
      const startedAt = performance.now()
      timer = setInterval(() => {
        const now = performance.now()
        const wanted = Math.min(plan.count, Math.ceil(((now - startedAt) / plan.rampMs) * plan.count))
        while (attackers.length < wanted) attackers.push(new Attacker(plan))
        for (const attacker of attackers) attacker.tick(now)
        if (wanted === plan.count) resolve()
      }, TICK_MS)
    }),
  /** Those that have not read find out how they ended. */
  readAll() {
    for (const attacker of attackers) attacker.read()
  },
  summary: (): AttackSummary => ({ ends, open: attackers.filter(({ ended }) => !ended).length }),
  end() {
    clearInterval(timer)
    for (const attacker of attackers) attacker.destroy()
    attackers = []
  },
}

export type AttackerCalls = typeof calls
answerCalls(calls)
