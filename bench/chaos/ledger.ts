// Client's side and instances' side of one trial held against each other, request by request.
import type { Sent } from './parts/client.js'
import type { Member } from './cluster.js'

export interface Tally {
  /** GETs that were due since the fault began. */
  readonly gets: number
  /** GETs that brought no whole 2xx answer. */
  readonly lost: number
  readonly failedPosts: number
  /** How those GETs ended, and those POSTs. */
  readonly lostBy: Readonly<Record<string, number>>
  readonly failedBy: Readonly<Record<string, number>>
  /** POSTs that arrived more than once. */
  readonly twice: number
  /** Answers of another request, and requests that arrived otherwise than they were sent. */
  readonly wrong: number
  /** Of answered requests that were due while the fault lasted. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** From the last repair until each repaired instance had a new request; undefined: nothing was repaired. */
  readonly backMs: number | undefined
}

export interface Window {
  readonly fromMs: number
  readonly toMs: number
}

export function tallyOf(sent: readonly Sent[], members: readonly Member[], { fromMs, toMs }: Window): Tally {
  const during = sent.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs)
  const failed = sent.filter(({ outcome }) => outcome !== '200' && outcome !== 'wrong')
  const lost = failed.filter(({ post }) => !post)
  const failedPosts = failed.filter(({ post }) => post)
  const latencies = during.filter(({ outcome }) => outcome === '200').map(({ dueMs, endMs }) => endMs - dueMs)
  const arrived = members.map((member) => member.deliveries())
  const posts = new Map<string, number>()
  for (const { id, method } of arrived.flat()) if (method === 'POST') posts.set(id, (posts.get(id) ?? 0) + 1)
  const dueAt = new Map(sent.map(({ id, dueMs }) => [id, dueMs]))
  return {
    gets: sent.filter(({ post, dueMs }) => !post && dueMs >= fromMs).length,
    lost: lost.length,
    failedPosts: failedPosts.length,
    lostBy: endsOf(lost),
    failedBy: endsOf(failedPosts),
    twice: [...posts.values()].filter((times) => times > 1).length,
    wrong:
      sent.filter(({ outcome }) => outcome === 'wrong').length + arrived.flat().filter(({ mangled }) => mangled).length,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    backMs: backAfter(members, dueAt),
  }
}

function backAfter(members: readonly Member[], dueAt: ReadonlyMap<string, number>): number | undefined {
  const each = members.flatMap(({ repairedAtMs, deliveries }) => {
    if (repairedAtMs === undefined) return []
    // What had waited in the system's queues all the while says nothing.
    const fresh = deliveries().filter(({ id }) => (dueAt.get(id) ?? 0) >= repairedAtMs)
    return Math.min(...fresh.map(({ atMs }) => atMs - repairedAtMs))
  })
  return each.length === 0 ? undefined : Math.max(...each)
}

/** Requests by how they ended. */
export function endsOf(sent: readonly Sent[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcome } of sent) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN
}
