// The snapshot on the wire: whole at first, then only what changed, so that one flip among 10,000 costs one line.
import type { Instance, Snapshot } from './instance.js'

export type Change =
  | { readonly kind: 'whole'; readonly snapshot: Snapshot }
  | {
      readonly kind: 'delta'
      readonly term: number
      readonly seq: number
      /** The `seq` that the receiver must hold for this delta to apply. */
      readonly base: number
      readonly put: readonly Instance[]
      /** Ids, without order. */
      readonly gone: readonly string[]
    }

/** What turns `before` into `after`. Unchanged instances are recognised by identity: the registry shares them. */
export function diff(before: Snapshot, after: Snapshot): Change {
  if (before.term !== after.term) return { kind: 'whole', snapshot: after }
  const flips = replaced(before, after)
  if (flips) return { kind: 'delta', term: after.term, seq: after.seq, base: before.seq, put: flips, gone: [] }
  const old = new Map(before.instances.map((instance) => [instance.id, instance]))
  const put: Instance[] = []
  for (const instance of after.instances) {
    if (old.get(instance.id) !== instance) put.push(instance)
    old.delete(instance.id)
  }
  return { kind: 'delta', term: after.term, seq: after.seq, base: before.seq, put, gone: [...old.keys()] }
}

/**
 * The instances of `after` that are others than in `before`, where the same ones stand at the same places; undefined where
 * they do not. While thousands are polled for the first time, one snapshot follows on the other.
 */
function replaced(before: Snapshot, after: Snapshot): Instance[] | undefined {
  const [old, next] = [before.instances, after.instances]
  if (old.length !== next.length) return undefined
  const flips: Instance[] = []
  for (let i = 0; i < next.length; i++) {
    const instance = next[i] as Instance
    if (instance === old[i]) continue
    if (instance.id !== old[i]?.id) return undefined
    flips.push(instance)
  }
  return flips
}

/** The snapshot after `change`, or undefined where it does not follow on `before`: ask for a whole one. */
export function apply(before: Snapshot, change: Change): Snapshot | undefined {
  if (change.kind === 'whole') return change.snapshot
  if (change.term !== before.term || change.base !== before.seq) return undefined
  const put = new Map(change.put.map((instance) => [instance.id, instance]))
  const gone = new Set(change.gone)
  const instances: Instance[] = []
  for (const instance of before.instances) {
    if (gone.has(instance.id)) continue
    const newer = put.get(instance.id)
    if (newer) put.delete(instance.id)
    instances.push(newer ?? instance)
  }
  instances.push(...put.values())
  return { term: change.term, seq: change.seq, instances }
}
