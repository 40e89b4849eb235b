// A worker's side of what the workers share: asks the supervisor in batches, and decides by itself where nobody else counts
// or nobody answers.
import type { Clock } from '../../shared/clock.js'
import type { Log } from '../../shared/log.js'
import { type Aged, Aging, ownCopy } from './aging.js'
import type { Ask, Decided, MachineState, RateRule, Verdict } from './machine-state.js'
import { RateTables, shortKey } from './rate-table.js'

export interface WorkerStateDeps {
  /** Workers of now: with one alone nobody is asked. */
  readonly workers: () => number
  /** To the supervisor; may be lost. */
  readonly send: (ask: Ask) => void
  readonly clock: Pick<Clock, 'now' | 'after'>
  readonly log: Log
}

export interface WorkerState {
  readonly state: MachineState
  /** The supervisor has answered. */
  received(decided: Decided): void
}

/** So long an answer is waited for. */
const PATIENCE_MS = 50
/** While no answer comes one question is asked so often, and nobody waits for it. */
const PROBE_MS = 250
const TELL_MS = 10_000
/** Refusals that are remembered, over all limits. */
const MOST_REFUSED = 10_000

interface Group {
  readonly name: string
  readonly rule: RateRule
  readonly keys: string[]
  readonly told: ((verdict: Verdict) => void)[]
}

type Groups = Map<string, Group>

interface Batch {
  readonly groups: Groups
  /** Ends its patience. */
  cancel: () => void
}

export function createMachineState({ workers, send, clock, log }: WorkerStateDeps): WorkerState {
  const own = new RateTables()
  const refused = new Aging<Refused>()
  const sent = new Map<number, Batch>()
  let gathered: Groups | undefined
  let turns = 0
  let silent = false
  let probedAt = -Infinity
  let toldAt = -Infinity

  function take(name: string, key: string, rule: RateRule, scope: 'machine' | 'worker' = 'machine') {
    const short = shortKey(key)
    const now = clock.now()
    if (scope === 'worker' || workers() === 1) return own.of(name, rule, now).take(short, now)
    const limit = `${name}\n${rule.rate}\n${rule.periodMs}\n${rule.burst}`
    const known = knownRefusal(`${limit}\n${short}`, now)
    if (known !== undefined) return known
    if (!silent) return new Promise<Verdict>((resolve) => gather(limit, name, short, rule, resolve))
    if (now - probedAt >= PROBE_MS) {
      probedAt = now
      gather(limit, name, short, rule, () => undefined)
    }
    return byShare(name, short, rule)
  }

  function knownRefusal(id: string, now: number): Verdict | undefined {
    const known = refused.get(id)
    if (known === undefined) return undefined
    if (known.until > now) return { allowed: false, left: 0, retryMs: known.until - now, resetMs: known.restsAt - now }
    refused.remove(known)
    return undefined
  }

  function gather(limit: string, name: string, key: string, rule: RateRule, told: (verdict: Verdict) => void): void {
    if (gathered === undefined) {
      gathered = new Map()
      // Behind all that the sockets bring in this turn.
      setImmediate(flush)
    }
    let group = gathered.get(limit)
    if (group === undefined) gathered.set(limit, (group = { name, rule, keys: [], told: [] }))
    group.keys.push(key)
    group.told.push(told)
  }

  function flush(): void {
    const groups = gathered as Groups
    gathered = undefined
    const turn = ++turns
    // A late answer may lie there unread, because this process itself is late: it is read first.
    const cancel = clock.after(PATIENCE_MS, () => setImmediate(giveUp, turn))
    sent.set(turn, { groups, cancel })
    send({ turn, limits: [...groups.values()].map(({ name, rule, keys }) => ({ name, rule, keys })) })
  }

  /** Each worker has its share of the limit then. */
  function byShare(name: string, key: string, { rate, periodMs, burst }: RateRule): Verdict {
    const count = workers()
    const share = { rate: rate / count, periodMs, burst: Math.max(1, burst / count) }
    const now = clock.now()
    return own.of(name, share, now).take(key, now)
  }

  function giveUp(turn: number): void {
    const batch = sent.get(turn)
    if (batch === undefined) return
    sent.delete(turn)
    silent = true
    const now = clock.now()
    if (now - toldAt >= TELL_MS) {
      toldAt = now
      log.warn({}, 'the supervisor does not answer: each worker keeps to its share of a limit until it does')
    }
    for (const { name, rule, keys, told } of batch.groups.values())
      for (const [i, key] of keys.entries()) told[i]?.(byShare(name, key, rule))
  }

  function remember(id: string, verdict: Verdict): void {
    const now = clock.now()
    const before = refused.get(id)
    if (before !== undefined) refused.remove(before)
    for (let { oldest } = refused; oldest !== undefined; oldest = refused.oldest) {
      if (oldest.until > now && refused.size < MOST_REFUSED) break
      refused.remove(oldest)
    }
    const until = now + verdict.retryMs
    const restsAt = now + verdict.resetMs
    refused.add({ key: ownCopy(id), until, restsAt, older: undefined, newer: undefined })
  }

  return {
    state: { take },
    received({ turn, verdicts }) {
      silent = false
      const batch = sent.get(turn)
      if (batch === undefined) return
      sent.delete(turn)
      batch.cancel()
      let at = 0
      for (const [limit, { keys, told }] of batch.groups) {
        for (const [i, key] of keys.entries()) {
          const verdict = verdicts[at++] as Verdict
          if (!verdict.allowed) remember(`${limit}\n${key}`, verdict)
          told[i]?.(verdict)
        }
      }
    },
  }
}

/** Times of this worker's clock. */
interface Refused extends Aged<Refused> {
  readonly until: number
  readonly restsAt: number
}
