// `headers`: sets, adds, removes and renames header fields; whole lines are made once, and one search finds all old ones.
import type { FieldValue, HeaderEdits, HeadersOptions } from '../../../shared/config/pipes/headers.js'
import { OWN_FIELDS } from '../../../shared/config/pipes/field-names.js'
import { lineOf } from '../../field-lines.js'
import { anySpelling } from '../auth/claimed-fields.js'
import { definePipe, type FieldLines, type Pipe, type PipeExchange } from '../pipe.js'
import { compileTemplate, inField, type Filler } from '../templates.js'

type Edit = (x: PipeExchange, fields: FieldLines) => void

export default definePipe<HeadersOptions>({
  create({ request, response }) {
    const ask = compileEdits(request)
    const answer = compileEdits(response)
    const pipe: Pipe = {}
    if (ask) pipe.onRequest = (x) => ask(x, x.headers)
    if (answer) pipe.onResponse = (x, head) => answer(x, head.headers)
    return pipe
  },
})

/** Undefined: there is nothing to do. */
export function compileEdits({ rename, remove, set, add }: HeaderEdits): Edit | undefined {
  const drop = dropPattern([...remove, ...set.map(({ name }) => name)])
  const renames = rename.map(([from, to]) => [linePattern(escape(from), 'gim', ':'), `${to}:`] as const)
  const [lines, fillers] = compileLines([...set, ...add])
  if (drop === undefined && renames.length === 0 && lines === '' && fillers.length === 0) return undefined
  return (x, fields) => {
    let { text } = fields
    for (const [from, to] of renames) text = text.replace(from, () => to)
    if (drop !== undefined && drop.one.test(text)) text = text.replace(drop.all, '')
    text += lines
    // What is filled in is taken from the request as it came to this pipe.
    for (const { name, fill } of fillers) {
      const value = fill(x).trim()
      if (value !== '') text += lineOf(name, value)
    }
    fields.text = text
  }
}

function compileLines(values: readonly FieldValue[]): [string, { name: string; fill: Filler }[]] {
  let lines = ''
  const fillers: { name: string; fill: Filler }[] = []
  for (const { name, value } of values) {
    const made = compileTemplate(value, inField)
    if (typeof made === 'string') lines += lineOf(name, made)
    else fillers.push({ name, fill: made })
  }
  return [lines, fillers]
}

/** What frames a message or is the gateway's to say stays, whatever a `*` stands for. */
const NOT_OWN = `(?!(?:${OWN_FIELDS.join('|')}):)`

/** `one` has no memory of where it was. */
function dropPattern(names: readonly string[]): { readonly one: RegExp; readonly all: RegExp } | undefined {
  if (names.length === 0) return undefined
  const any = names.map((name) =>
    name.endsWith('*') ? `${NOT_OWN}${anySpelling(name.slice(0, -1))}[^:\\r\\n]*` : anySpelling(name),
  )
  const source = `(?:${any.join('|')})`
  return { one: linePattern(source, 'im', ':'), all: linePattern(source, 'gim', ':[^\\r\\n]*\\r\\n') }
}

function linePattern(name: string, flags: string, rest: string): RegExp {
  return new RegExp(`^${name}${rest}`, flags)
}

function escape(name: string): string {
  return name.replace(/[.*+?^$|]/g, '\\$&')
}
