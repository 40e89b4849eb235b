// Moves, appends and deletes branches of data, through lists as through objects: in both a branch has a label.
import type { FlatmapStep } from '../../../../shared/config/merge-model.js'
import { isFields, type Fields, type Value } from '../value.js'

const ANY = '*'

interface Node {
  /** Of a leaf; undefined for one that has lost its branches. */
  value: Value | undefined
  list: boolean
  branches: Branch[]
}

interface Branch {
  /** Name of a field, or index in a list; in a list only the order counts. */
  label: string
  node: Node
}

/** A node, and the branches that led to it. */
interface Found {
  readonly node: Node
  readonly way: readonly Branch[]
}

/** What is on its way from one place to another. */
interface Taken extends Found {
  readonly branch: Branch
}

export function flatmap(data: Fields, steps: readonly FlatmapStep[]): Fields {
  const root = grow(data)
  for (const step of steps) {
    if (step.type === 'del') remove(root, step.from, 0)
    else if (step.type === 'append') append(root, step.from, step.to)
    else move(root, step.from, step.to)
  }
  const value = shrink(root)
  return isFields(value) ? value : new Map()
}

function grow(value: Value): Node {
  if (Array.isArray(value)) {
    return { value, list: true, branches: value.map((one, i) => ({ label: String(i), node: grow(one) })) }
  }
  if (!isFields(value)) return { value, list: false, branches: [] }
  const branches = Array.from(value, ([label, one]) => ({ label, node: grow(one) }))
  return { value, list: false, branches }
}

function shrink({ value, list, branches }: Node): Value {
  if (branches.length > 0) {
    if (list) return branches.map(({ node }) => shrink(node))
    return new Map(branches.map(({ label, node }) => [label, shrink(node)]))
  }
  const emptied = (Array.isArray(value) && value.length > 0) || (isFields(value) && value.size > 0)
  return emptied || value === undefined ? null : value
}

function branchOf(node: Node, label: string): Branch | undefined {
  return node.branches.find((branch) => branch.label === label)
}

function remove(node: Node, from: readonly string[], depth: number): void {
  const label = from[depth] as string
  const last = depth === from.length - 1
  if (last) {
    if (label === ANY) node.branches = []
    else node.branches = without(node, branchOf(node, label))
    return
  }
  for (const branch of label === ANY ? node.branches : [branchOf(node, label)]) {
    if (branch !== undefined) remove(branch.node, from, depth + 1)
  }
}

function without(node: Node, branch: Branch | undefined): Branch[] {
  return branch === undefined ? node.branches : node.branches.filter((one) => one !== branch)
}

/** The list at `from` is put behind the one at `to`, and is no more where it was. */
function append(root: Node, from: readonly string[], to: readonly string[]): void {
  const source = collect(root, from, 0)
  const target = to.reduce<Node | undefined>((node, label) => node && branchOf(node, label)?.node, root)
  if (source === undefined || target === undefined || !target.list) return
  for (const one of source) target.branches.push({ label: String(target.branches.length), node: grow(one) })
  remove(root, from, 0)
}

function collect(node: Node, from: readonly string[], depth: number): Value[] | undefined {
  const label = from[depth]
  if (label === undefined) {
    const value = shrink(node)
    return Array.isArray(value) ? value : undefined
  }
  if (label === ANY) return node.branches.map((branch) => valueAt(branch.node, from, depth + 1))
  const next = branchOf(node, label)?.node
  return next && collect(next, from, depth + 1)
}

function valueAt(node: Node, from: readonly string[], depth: number): Value {
  const label = from[depth]
  if (label === undefined) return shrink(node)
  if (label === ANY) return node.branches.map((branch) => valueAt(branch.node, from, depth + 1))
  const next = branchOf(node, label)?.node
  return next === undefined ? null : valueAt(next, from, depth + 1)
}

function move(root: Node, from: readonly string[], to: readonly string[]): void {
  const label = from.at(-1) as string
  const renamed = from.length === to.length
  const taken: Taken[] = []
  for (const { node, way } of parents(root, from)) {
    const branch = branchOf(node, label)
    if (branch === undefined) continue
    if (renamed) branch.label = to.at(-1) as string
    else {
      node.branches = without(node, branch)
      taken.push({ node, way, branch })
    }
  }
  for (const one of taken) {
    if (to.length < from.length) lift(root, one, to)
    else sink(one, to.slice(from.length - 1))
  }
}

/** The nodes that all but the last of `from` lead to. */
function parents(root: Node, from: readonly string[]): Found[] {
  let found: Found[] = [{ node: root, way: [] }]
  for (const step of from.slice(0, -1)) {
    found = found.flatMap(({ node, way }) => {
      const next = step === ANY ? node.branches : [branchOf(node, step)].filter((one) => one !== undefined)
      return next.map((branch) => ({ node: branch.node, way: [...way, branch] }))
    })
  }
  return found
}

/** To a place nearer to the root; `*` is what it was on the way to the branch. */
function lift(root: Node, { way, branch }: Taken, to: readonly string[]): void {
  let parent = root
  for (const [i, step] of to.slice(0, -1).entries()) {
    const passed = way[i]
    const label = step === ANY ? (passed?.label ?? step) : step
    // Mostly it is the way back: to look for it in a long list again and again would take for ever.
    const before = i === 0 ? root : way[i - 1]?.node
    const next = before === parent && passed?.label === label ? passed : branchOf(parent, label)
    if (next === undefined) break
    parent = next.node
  }
  parent.branches.push({ label: to.at(-1) as string, node: branch.node })
}

/** To a place further down from where it was, made where it is not there. */
function sink({ node: from, branch }: Taken, to: readonly string[]): void {
  let node = from
  for (const step of to.slice(0, -1)) {
    let next = branchOf(node, step)
    if (next === undefined) {
      next = { label: step, node: { value: undefined, list: false, branches: [] } }
      node.branches.push(next)
    }
    node = next.node
  }
  node.branches.push({ label: to.at(-1) as string, node: branch.node })
}
