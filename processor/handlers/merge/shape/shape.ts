// What of a part's data is taken, and under which names: target, then what is kept or goes, then names, then the group.
import type { PartConfig } from '../../../../shared/config/merge-model.js'
import { type Fields, isFields } from '../value.js'
import { flatmap } from './flatmap.js'

type Rules = Pick<PartConfig, 'target' | 'allow' | 'deny' | 'mapping' | 'flatmap' | 'group'>

export type Shape = (data: Fields) => Fields

/** Names within names; a leaf has none. */
type Names = Map<string, Names | undefined>

/** The shape may change the data that it gets. */
export function createShape({ target, allow, deny, mapping, flatmap: steps, group }: Rules): Shape {
  const kept = allow.length > 0 ? namesOf(allow) : undefined
  const gone = namesOf(deny)
  return (data) => {
    let fields = targetOf(data, target)
    if (steps.length > 0) fields = flatmap(fields, steps)
    else {
      if (kept !== undefined) fields = keep(fields, kept)
      else drop(fields, gone)
      rename(fields, mapping)
    }
    return group === undefined ? fields : new Map([[group, fields]])
  }
}

/** Of `a` and `a.b` the later counts. */
function namesOf(paths: readonly (readonly string[])[]): Names {
  const root: Names = new Map()
  for (const path of paths) {
    let names = root
    for (const name of path.slice(0, -1)) {
      let within = names.get(name)
      if (within === undefined) names.set(name, (within = new Map()))
      names = within
    }
    names.set(path.at(-1) as string, undefined)
  }
  return root
}

/** A target that is not there, or is no object, leaves nothing. */
function targetOf(data: Fields, target: readonly string[]): Fields {
  let fields = data
  for (const name of target) {
    const next = fields.get(name)
    if (!isFields(next)) return new Map()
    fields = next
  }
  return fields
}

function keep(fields: Fields, names: Names): Fields {
  const kept: Fields = new Map()
  for (const [name, value] of fields) {
    if (!names.has(name)) continue
    const within = names.get(name)
    if (within === undefined) kept.set(name, value)
    else if (isFields(value)) {
      const inner = keep(value, within)
      if (inner.size > 0) kept.set(name, inner)
    }
  }
  return kept
}

function drop(fields: Fields, names: Names): void {
  for (const [name, within] of names) {
    const value = fields.get(name)
    if (within === undefined) fields.delete(name)
    else if (isFields(value)) drop(value, within)
  }
}

function rename(fields: Fields, mapping: Rules['mapping']): void {
  for (const [from, to] of mapping) {
    const value = fields.get(from)
    if (value === undefined) continue
    fields.delete(from)
    fields.set(to, value)
  }
}
