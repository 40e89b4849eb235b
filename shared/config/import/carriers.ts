// Where a comment about an entry of a config hangs in the YAML that is written of it.
import { type Document, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml'
import type { Path } from '../document.js'

/** Finds the node that carries the comment of an entry, or of its nearest parent; undefined: that is the file. */
export function createCarriers({ contents }: Pick<Document<Node>, 'contents'>): (path: Path) => Node | undefined {
  // Every service and every route is asked for: a map is searched through once.
  const pairs = new Map<YAMLMap, ReadonlyMap<unknown, Pair>>()

  function pairOf(map: YAMLMap, step: string | number): Pair | undefined {
    let byKey = pairs.get(map)
    if (!byKey) {
      byKey = new Map(map.items.map((pair) => [isScalar(pair.key) ? pair.key.value : pair.key, pair]))
      pairs.set(map, byKey)
    }
    return byKey.get(step)
  }

  return (path) => {
    let node: unknown = contents
    let carrier: Node | undefined
    for (const step of path) {
      const pair = isMap(node) ? pairOf(node, step) : undefined
      const item = isSeq(node) ? node.items[Number(step)] : pair?.key
      if (item === undefined) break
      carrier = item as Node
      node = pair === undefined ? item : pair.value
    }
    return carrier
  }
}
