// Who may pass under a limit, by the generic cell rate algorithm: one number for each client, and a bound for their number.
import { createHash } from 'node:crypto'
import { type Aged, Aging, ownCopy } from './aging.js'
import type { RateRule, Verdict } from './machine-state.js'

/** Clients that one limit knows; those that have asked for nothing for longest are forgotten first. */
const MOST_KEYS = 100_000
/** Limits of one holder. */
const MOST_LIMITS = 1000
/** Longer keys are told apart by their hash: memory is bounded in bytes, too. */
const LONGEST_KEY = 64
/** Forgotten with each newcomer, where they are as good as unknown. */
const SWEPT = 2
/** Sums of fractions may be so far off, in milliseconds. */
const NOISE_MS = 0.001

interface Client extends Aged<Client> {
  /** When its whole burst is there again. */
  restsAt: number
}

/** Of one limit. */
export class RateTable {
  private readonly clients = new Aging<Client>()
  private latest = -Infinity
  /** Between two requests of an even stream. */
  private readonly stepMs: number
  private readonly burstMs: number

  constructor(
    rule: RateRule,
    private readonly mostKeys = MOST_KEYS,
  ) {
    this.stepMs = rule.periodMs / rule.rate
    this.burstMs = this.stepMs * rule.burst
  }

  /** `now` in monotonic milliseconds. A refused request takes nothing. */
  take(key: string, now: number): Verdict {
    const { clients, stepMs, burstMs } = this
    const known = clients.get(key)
    const from = known === undefined || known.restsAt < now ? now : known.restsAt
    const next = from + stepMs
    const waitMs = next - burstMs - now
    if (known !== undefined) clients.renew(known)
    if (waitMs > NOISE_MS) return { allowed: false, left: 0, retryMs: waitMs, resetMs: from - now }
    if (known === undefined) this.add(key, next, now)
    else known.restsAt = next
    if (next > this.latest) this.latest = next
    const freeMs = burstMs - (next - now)
    return {
      allowed: true,
      left: Math.max(0, Math.floor((freeMs + NOISE_MS) / stepMs)),
      retryMs: Math.max(0, stepMs - freeMs),
      resetMs: next - now,
    }
  }

  private add(key: string, restsAt: number, now: number): void {
    const { clients, mostKeys } = this
    for (let swept = 0; swept < SWEPT; swept++) {
      const { oldest } = clients
      if (oldest === undefined || (oldest.restsAt > now && clients.size < mostKeys)) break
      clients.remove(oldest)
    }
    clients.add({ key: ownCopy(key), restsAt, older: undefined, newer: undefined })
  }

  /** Nobody is held back any more: without it nothing would be different. */
  rested(now: number): boolean {
    return this.latest <= now
  }

  get size(): number {
    return this.clients.size
  }
}

/** The tables of all limits of one holder: a worker, or the supervisor for all of them. */
export class RateTables {
  private readonly tables = new Map<string, RateTable>()

  constructor(private readonly mostLimits = MOST_LIMITS) {}

  /** Another rule is another limit: what was counted by the old one says little. */
  of(name: string, rule: RateRule, now: number): RateTable {
    const id = `${name}\n${rule.rate}\n${rule.periodMs}\n${rule.burst}`
    const known = this.tables.get(id)
    if (known !== undefined) return known
    this.forget(now)
    const table = new RateTable(rule)
    this.tables.set(id, table)
    return table
  }

  private forget(now: number): void {
    for (const [id, table] of this.tables) if (table.rested(now)) this.tables.delete(id)
    for (const id of this.tables.keys()) {
      if (this.tables.size < this.mostLimits) return
      this.tables.delete(id)
    }
  }

  get size(): number {
    return this.tables.size
  }
}

/** A key of bounded length that stands for this one. */
export function shortKey(key: string): string {
  return key.length <= LONGEST_KEY ? key : createHash('sha256').update(key, 'utf16le').digest('base64url')
}
