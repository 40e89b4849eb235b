// XML as fields: attributes as `-name`, text beside them as `#text`, elements of one name as a list.
import type { Budget } from '../budget.js'
import type { Fields, Value } from '../value.js'
import { type Element, readXml } from './xml-reader.js'

export function decodeXml(text: string, budget: Budget): Fields {
  const root = readXml(text, budget)
  return new Map([[root.name, valueOf(root)]])
}

function valueOf({ attributes, children, text }: Element): Value {
  const content = text.join(' ')
  if (attributes.length === 0 && children.length === 0) return content
  const fields: Fields = new Map()
  for (const [name, value] of attributes) fields.set(`-${name}`, value)
  const lists = new Set<string>()
  for (const child of children) {
    const before = fields.get(child.name)
    const value = valueOf(child)
    if (before === undefined) fields.set(child.name, value)
    else if (lists.has(child.name)) (before as Value[]).push(value)
    else {
      lists.add(child.name)
      fields.set(child.name, [before, value])
    }
  }
  if (content !== '') fields.set('#text', content)
  return fields
}
