// Turns the nodes of a YAML document into plain data: aliases, merges and variables expanded, each place remembered.
import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml'
import type { Path } from './document.js'
import { quoted, type Fault } from './problem.js'
import { expand, type Environment } from './variables.js'

/** Where an entry of an object or a list stands, as offsets in the text. */
export interface Spot {
  readonly key: number
  readonly value: number
  /** The text of the file, where it holds a variable. */
  readonly template?: string
  /** A variable in it could not be expanded: the value means nothing. */
  readonly broken?: boolean
}

export type Spots = Map<string | number, Spot>

const DEEPEST = 64
// Aliases of aliases can ask for more data than there is memory.
const MOST_NODES = 1_000_000
/** What cannot be read any further; `offset` is where. */
export class Refused extends Error {
  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message)
  }
}

interface ReaderDeps {
  readonly env: Environment | 'as-written'
  readonly note: (offset: number, path: Path, fault: Fault) => void
  readonly spots: WeakMap<object, Spots>
  readonly json: boolean
  /** Of several entries with one key. */
  readonly kept: 'first' | 'last'
  /** Told of each entry whose key was there before: where it begins and ends. */
  readonly duplicate: (from: number, to: number) => void
  readonly lineOf: (offset: number) => number
}

/** The returned function reads a whole document. Throws `Refused`. */
export function createReader(deps: ReaderDeps): (root: Node | null) => unknown {
  const { env, note, spots, json, kept, lineOf } = deps
  const anchors = new Map<string, Node>()
  const open = new Set<Node>()
  const path: (string | number)[] = []
  let nodes = 0

  function read(node: unknown): unknown {
    if (!isNode(node)) return null
    const offset = node.range?.[0] ?? 0
    if (++nodes > MOST_NODES) throw new Refused(offset, 'too large once its aliases are expanded')
    if (open.size > DEEPEST) throw new Refused(offset, 'nested too deeply')
    if (isAlias(node)) return readAlias(node.source, offset)
    if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node)
    if (isScalar(node)) return plainOf(node)
    open.add(node)
    const value = isMap(node) ? readMap(node) : isSeq(node) ? readList(node.items) : null
    open.delete(node)
    return value
  }

  function readAlias(name: string, offset: number): unknown {
    const target = anchors.get(name)
    if (!target) throw new Refused(offset, `no anchor &${name} stands before this alias`)
    if (open.has(target)) throw new Refused(offset, `the alias *${name} holds itself`)
    return read(target)
  }

  function readEntry(
    into: Record<string | number, unknown>,
    where: Spots,
    step: string | number,
    key: number,
    node: unknown,
  ) {
    path.push(step)
    const range = isNode(node) ? node.range : undefined
    // An empty value has no place of its own.
    const value = range && range[1] > range[0] ? range[0] : key
    const given = read(node)
    const expanded = expandEntry(given, { key, value }, env, (fault) => note(value, path, fault))
    into[step] = expanded.value
    where.set(step, expanded.spot)
    path.pop()
  }

  function readList(items: readonly unknown[]): unknown[] {
    const list: unknown[] = []
    const where: Spots = new Map()
    items.forEach((item, i) => {
      const at = isNode(item) ? (item.range?.[0] ?? 0) : 0
      readEntry(list as unknown as Record<number, unknown>, where, i, at, item)
    })
    spots.set(list, where)
    return list
  }

  function readMap(map: YAMLMap): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    const where: Spots = new Map()
    const firsts = new Map<string, number>()
    const merged: unknown[] = []
    for (const pair of map.items) {
      const at = isNode(pair.key) ? (pair.key.range?.[0] ?? 0) : 0
      const key = keyText(pair.key)
      const first = key === undefined ? undefined : firsts.get(key)
      if (key === undefined) note(at, path, { message: 'a key must be text' })
      else if (key === '<<' && !json && isScalar(pair.key) && pair.key.type === 'PLAIN') merged.push(pair.value)
      else if (key === '__proto__') note(at, path, { message: '"__proto__" cannot be a key' })
      else if (first === undefined) {
        firsts.set(key, at)
        readEntry(object, where, key, at, pair.value)
      } else {
        const hint = `the first is on line ${lineOf(first)}`
        note(at, [...path, key], { message: `duplicate key ${quoted(key)}`, hint })
        deps.duplicate(at, (isNode(pair.value) && pair.value.range?.[1]) || at)
        // It is read in any case: its variables and anchors count.
        if (kept === 'last') readEntry(object, where, key, at, pair.value)
        else readEntry({}, new Map(), key, at, pair.value)
      }
    }
    spots.set(object, where)
    for (const node of merged) merge(object, where, node)
    return object
  }

  /** What is written in the map itself wins over what it merges in, and the earlier of two merged maps wins. */
  function merge(object: Record<string, unknown>, where: Spots, node: unknown): void {
    const value = read(node)
    for (const source of Array.isArray(value) ? (value as unknown[]) : [value]) {
      const from = isObject(source) && !Array.isArray(source) ? spots.get(source) : undefined
      if (!from || !isObject(source)) {
        note(isNode(node) ? (node.range?.[0] ?? 0) : 0, path, { message: '"<<" merges maps only' })
        continue
      }
      for (const [key, spot] of from) {
        if (where.has(key)) continue
        object[key] = source[key]
        where.set(key, spot)
      }
    }
  }

  function keyText(key: unknown): string | undefined {
    if (isAlias(key)) return keyText(anchors.get(key.source))
    if (!isScalar(key)) return undefined
    // `8080:` and `yes:` are keys as they are spelled.
    return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
  }

  return (root) => read(root)
}

/** An entry with its variables expanded. */
export function expandEntry(
  given: unknown,
  at: { readonly key: number; readonly value: number },
  env: Environment | 'as-written',
  report: (fault: Fault) => void,
): { value: unknown; spot: Spot } {
  if (typeof given !== 'string' || env === 'as-written' || !given.includes('${')) return { value: given, spot: at }
  const { text, faults } = expand(given, env)
  for (const fault of faults) report(fault)
  return { value: text, spot: { ...at, template: given, broken: faults.length > 0 } }
}

/** Tags such as `!!binary` and `!!timestamp` ask for objects: here they are the text that they are written as. */
function plainOf({ value, source }: Scalar): unknown {
  if (typeof value === 'bigint') return Number(value)
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  return isPlain ? value : value === null || value === undefined ? null : (source ?? '')
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value)
}

export function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null
}
