// Walks the tree of an expression: what it needs of an exchange, so that nothing else is gathered, and what is not allowed.
import { quoted, type Fault } from '../problem.js'
import { suggest } from '../suggest.js'

/** A node of the tree: `args` holds nodes, lists of them, names and values. */
export interface Node {
  readonly op: string
  args: unknown
}

export interface Uses {
  /** `request.method`, `response.headers`, `jwt`, `now`: what is looked at as it is. */
  readonly whole: ReadonlySet<string>
  /**
   * By the name of a map: keys that are looked up in it. In `request`, `response` and `jwt` they are empty (`''`, for
   * claims `null`) where they are missing.
   */
  readonly keys: ReadonlyMap<string, ReadonlySet<string>>
}

/** The variables with a closed set of fields; `true`: a map in which a missing key is empty. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  request: {
    id: false,
    method: false,
    scheme: false,
    host: false,
    path: false,
    address: false,
    route: false,
    service: false,
    headers: true,
    query: true,
    params: true,
    cookies: true,
  },
  response: { status: false, headers: true },
}

/** Under this name the map with the empty values stands beside the map itself; no expression can say it. */
export function lenient(name: string): string {
  return ` ${name}`
}

const MACROS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])
/** One in another: the work is the product of two lengths. */
const MOST_NESTED = 2

export function isFault(value: object): value is Fault {
  return 'message' in value
}

interface Rules {
  /** The function that stands in the place of `matches`. */
  readonly matches: string
  readonly patternFault: (pattern: string) => Fault | undefined
}

/** Changes the tree: `matches` becomes the function of `rules`, and keys that may be missing are looked up leniently. */
export function findUses(root: Node, rules: Rules): Uses | Fault {
  const whole = new Set<string>()
  const keys = new Map<string, Set<string>>()
  let fault: Fault | undefined
  let deepest = 0
  let splits = false

  /** `strict`: within `has`, where what is missing matters. */
  function visit(value: unknown, nested: number, strict = false): void {
    if (Array.isArray(value)) return value.forEach((one) => visit(one, nested, strict))
    if (!isNode(value)) return
    if (value.op === 'id') return visitName(String(value.args))
    if (value.op === '.' || value.op === '[]') return visitAccess(value, nested, strict)
    if (value.op === 'call' || value.op === 'rcall') return visitCall(value, nested)
    visit(value.args, nested)
  }

  function visitName(name: string): void {
    const fields = FIELDS[name]
    if (fields) fault ??= { message: `${name} is looked at by its fields`, hint: Object.keys(fields).join(', ') }
    whole.add(name)
  }

  function visitAccess(node: Node, nested: number, strict: boolean): void {
    const [from, key] = node.args as [Node, unknown]
    const name = literalOf(key)
    if (name !== undefined && from.op === 'id') {
      const variable = String(from.args)
      const fields = FIELDS[variable]
      if (fields) return visitField(variable, name, fields)
      if (variable === 'jwt' && !strict) {
        from.args = lenient(variable)
        return void keysOf(variable).add(name)
      }
      keysOf(variable).add(name)
    }
    const map = strict ? undefined : mapOf(from)
    if (name === undefined || map === undefined) {
      visit(from, nested, strict)
      return visit(key, nested)
    }
    ;(from.args as [Node, string])[1] = lenient(map.field)
    keysOf(`${map.variable}.${map.field}`).add(name)
  }

  function visitField(variable: string, name: string, fields: Readonly<Record<string, boolean>>): void {
    if (fields[name] === undefined) {
      const hint = suggest(name, Object.keys(fields)) ?? `there are ${Object.keys(fields).join(', ')}`
      fault ??= { message: `${variable} has no field ${quoted(name)}`, hint }
    }
    if (variable === 'request' && name === 'params')
      fault ??= { message: 'request.params is looked at by its keys', hint: "as in request.params.id != ''" }
    whole.add(`${variable}.${name}`)
  }

  function keysOf(map: string): Set<string> {
    let known = keys.get(map)
    if (known === undefined) keys.set(map, (known = new Set()))
    return known
  }

  function visitCall(node: Node, nested: number): void {
    const [name, ...rest] = node.args as [string, ...unknown[]]
    if (name === 'bind') fault ??= { message: 'bind is not supported' }
    if (name === 'split') splits = true
    if (name === 'matches') checkPattern(node.args as [string, ...unknown[]])
    const inside = nested + (node.op === 'rcall' && MACROS.has(name) ? 1 : 0)
    deepest = Math.max(deepest, inside)
    visit(rest, inside, name === 'has')
  }

  function checkPattern(args: [string, ...unknown[]]): void {
    const [pattern] = args.at(-1) as unknown[]
    const written = isNode(pattern) && pattern.op === 'value' ? pattern.args : undefined
    if (typeof written !== 'string') {
      fault ??= { message: 'the pattern of matches must be written out', hint: "such as matches('^/v[0-9]/')" }
      return
    }
    const wrong = rules.patternFault(written)
    if (wrong) fault ??= { ...wrong, message: `the pattern of matches: ${wrong.message}` }
    args[0] = rules.matches
  }

  visit(root, 0)
  if (deepest > (splits ? 1 : MOST_NESTED))
    fault ??= { message: 'too many of all, exists, map and filter stand in each other: that could take very long' }
  return fault ?? { whole, keys }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && typeof value.op === 'string'
}

/** The name in `.name` or `['name']`. */
function literalOf(key: unknown): string | undefined {
  if (typeof key === 'string') return key
  return isNode(key) && key.op === 'value' && typeof key.args === 'string' ? key.args : undefined
}

/** A map whose missing keys are empty, as `request.headers` names it. */
function mapOf(node: Node): { variable: string; field: string } | undefined {
  if (node.op !== '.') return undefined
  const [from, field] = node.args as [Node, unknown]
  if (from.op !== 'id' || typeof field !== 'string') return undefined
  const variable = String(from.args)
  return FIELDS[variable]?.[field] === true ? { variable, field } : undefined
}
