// Who is hit.
import type { Cluster, Member } from '../cluster.js'

/** One of them, where one is enough. */
export function oneOf({ members }: Cluster): Member {
  const [first] = members
  if (first === undefined) throw new Error('a cluster has an instance')
  return first
}
