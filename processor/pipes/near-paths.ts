// Finds the path that a client may have meant: the same but for the case of letters, or for a slash at the end.

export interface NearPaths {
  /** Undefined: there is none, or it is the very path. */
  find(path: string, may: { readonly slash: boolean; readonly letters: boolean }): string | undefined
}

interface Node {
  /** By segment in lower case; then by its own spelling. */
  readonly literal: Map<string, Map<string, Node>>
  any: Node | undefined
  /** A path ends here. */
  ends: boolean
}

/** Nobody has endpoints as deep, and each segment may be a parameter or not. */
const DEEPEST = 32

/** `paths` may have `{name}` for a segment. */
export function createNearPaths(paths: readonly string[]): NearPaths {
  const root = createNode()
  for (const path of paths) {
    let node = root
    for (const segment of segmentsOf(path))
      node = /^\{.*\}$/.test(segment) ? (node.any ??= createNode()) : step(node, segment)
    node.ends = true
  }

  /** The segments as the config spells them. A bound on `tries` keeps a path that fits almost everywhere cheap. */
  function search(
    node: Node,
    asked: readonly string[],
    at: number,
    letters: boolean,
    tries: { left: number },
  ): string[] | undefined {
    if (tries.left-- <= 0) return undefined
    const segment = asked[at]
    if (segment === undefined) return node.ends ? [] : undefined
    const spellings = node.literal.get(segment.toLowerCase())
    const own = spellings?.get(segment)
    const others = letters ? [...(spellings ?? [])].filter(([, next]) => next !== own) : []
    for (const [spelled, next] of own === undefined ? others : [[segment, own] as const, ...others]) {
      const rest = search(next, asked, at + 1, letters, tries)
      if (rest) return [spelled, ...rest]
    }
    if (!node.any || segment === '') return undefined
    const rest = search(node.any, asked, at + 1, letters, tries)
    return rest && [segment, ...rest]
  }

  return {
    find(path, { slash, letters }) {
      const ended = path.length > 1 && path.endsWith('/')
      if (ended && !slash) return undefined
      const asked = segmentsOf(ended ? path.slice(0, -1) : path)
      if (asked.length > DEEPEST) return undefined
      const found = search(root, asked, 0, letters, { left: 1000 })
      const meant = found && `/${found.join('/')}`
      return meant === path ? undefined : meant
    },
  }
}

function createNode(): Node {
  return { literal: new Map(), any: undefined, ends: false }
}

function step(node: Node, segment: string): Node {
  const lower = segment.toLowerCase()
  let spellings = node.literal.get(lower)
  if (!spellings) node.literal.set(lower, (spellings = new Map<string, Node>()))
  let next = spellings.get(segment)
  if (!next) spellings.set(segment, (next = createNode()))
  return next
}

function segmentsOf(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/')
}
