// Finds the most specific route of a path: literal segments before `{parameters}`, deeper before shallower, then host,
// exactness, methods and fields, and of two that are equal the later in the file.
import type { RouteMatch } from '../../shared/config/model.js'

/** What the trie sorts and tests by. */
export interface Matchable {
  readonly match: RouteMatch
}

/** What a route may ask of a request beside its path. */
export interface RequestView {
  readonly host: string
  readonly method: string
  /** All values of a header field, joined; undefined where it is missing. */
  header(name: string): string | undefined
  /** First value of a query parameter; undefined where it is missing. */
  query(name: string): string | undefined
}

interface Node<R> {
  readonly literals: Map<string, Node<R>>
  parameter: Node<R> | undefined
  /** Routes that end here and take this path only. */
  readonly exact: R[]
  /** Routes that end here and take all below as well. */
  readonly prefix: R[]
  /** Routes that end in `*` here: one segment more at least. */
  readonly below: R[]
}

export interface Trie<R> {
  /** The best route for a path, `/` first, no query. With `anyMethod` the methods are not looked at. */
  find(path: string, request: RequestView, anyMethod: boolean): R | undefined
}

export function createTrie<R extends Matchable>(routes: readonly R[]): Trie<R> {
  const root = createNode<R>()
  for (const route of routes) insert(root, route)
  sort(root)
  return {
    find: (path, request, anyMethod) => {
      const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length
      return search(root, path, 0, end, request, anyMethod)
    },
  }
}

function createNode<R>(): Node<R> {
  return { literals: new Map(), parameter: undefined, exact: [], prefix: [], below: [] }
}

function insert<R extends Matchable>(root: Node<R>, route: R): void {
  const { path, exact } = route.match
  let node = root
  for (const segment of path === '/' ? [] : path.slice(1).split('/')) {
    if (segment === '*') {
      node.below.unshift(route)
      return
    }
    node = segment.startsWith('{') ? (node.parameter ??= createNode()) : literal(node, segment)
  }
  // Later in the file comes first: `sort` is stable.
  if (exact) node.exact.unshift(route)
  else node.prefix.unshift(route)
}

function literal<R>(node: Node<R>, segment: string): Node<R> {
  let child = node.literals.get(segment)
  if (child === undefined) node.literals.set(segment, (child = createNode()))
  return child
}

function sort<R extends Matchable>(node: Node<R>): void {
  for (const list of [node.exact, node.prefix, node.below])
    list.sort((a, b) => specificity(b.match) - specificity(a.match))
  for (const child of node.literals.values()) sort(child)
  if (node.parameter !== undefined) sort(node.parameter)
}

// A host says more than methods, and methods more than fields.
function specificity(match: RouteMatch): number {
  const host = match.hosts.length === 0 ? 0 : match.hosts.some((h) => h.startsWith('*')) ? 1 : 2
  return (
    host * 10_000 + (match.methods.length > 0 ? 1_000 : 0) + Math.min(999, match.headers.length + match.query.length)
  )
}

/** `at` is the index of the slash before the next segment, or `end` where the path is used up. */
function search<R extends Matchable>(
  node: Node<R>,
  path: string,
  at: number,
  end: number,
  request: RequestView,
  anyMethod: boolean,
): R | undefined {
  if (at >= end || (at === 0 && end === 1)) {
    return first(node.exact, request, anyMethod) ?? first(node.prefix, request, anyMethod)
  }
  const start = at + 1
  let next = path.indexOf('/', start)
  if (next < 0 || next > end) next = end
  const child = node.literals.get(path.slice(start, next))
  const found =
    (child === undefined ? undefined : search(child, path, next, end, request, anyMethod)) ??
    (node.parameter === undefined || next === start
      ? undefined
      : search(node.parameter, path, next, end, request, anyMethod))
  return found ?? first(node.below, request, anyMethod) ?? first(node.prefix, request, anyMethod)
}

function first<R extends Matchable>(routes: readonly R[], request: RequestView, anyMethod: boolean): R | undefined {
  for (const route of routes) if (accepts(route.match, request, anyMethod)) return route
  return undefined
}

function accepts(match: RouteMatch, request: RequestView, anyMethod: boolean): boolean {
  if (!anyMethod && match.methods.length > 0 && !matchesMethod(match.methods, request.method)) return false
  if (match.hosts.length > 0 && !match.hosts.some((host) => matchesHost(host, request.host))) return false
  for (const { name, value } of match.headers) {
    const found = request.header(name)
    if (found === undefined || (value !== undefined && found !== value)) return false
  }
  for (const { name, value } of match.query) {
    const found = request.query(name)
    if (found === undefined || (value !== undefined && found !== value)) return false
  }
  return true
}

/** Where GET is answered HEAD is (RFC 9110 section 9.3.2). */
function matchesMethod(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))
}

/** Patterns name no port: a host is matched on every one. */
export function matchesHost(pattern: string, host: string): boolean {
  const name = host.replace(/:\d*$/, '')
  return pattern.startsWith('*.')
    ? name.length > pattern.length - 1 && name.endsWith(pattern.slice(1))
    : name === pattern
}
