// A fair order of newcomers: those of one service that never answers must not keep all others waiting for their first poll.

/** One of each group in turn, in the order in which the groups come first; inside a group the order stays. */
export function interleave<T>(items: readonly T[], groupOf: (item: T) => string): T[] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(groupOf(item))
    if (group) group.push(item)
    else groups.set(groupOf(item), [item])
  }
  const ordered: T[] = []
  let left = [...groups.values()]
  for (let round = 0; left.length > 0; round++) {
    for (const group of left) ordered.push(...group.slice(round, round + 1))
    left = left.filter((group) => group.length > round + 1)
  }
  return ordered
}
