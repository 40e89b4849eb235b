// What requests must be like: `validation/json-schema` and `validation/cel` as pipes.
import type { Path } from '../../document.js'
import { isObject } from '../../reader.js'
import type { Sketch } from '../sketch.js'
import type { Source } from './source.js'

export function readJsonSchema(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const schema = extra.raw(key)
  if (!isObject(schema)) return sketch.fault(extra.at(key), 'must be a JSON Schema')
  // KrakenD does not look at what the body is called.
  sketch.add(list, { use: 'validate', schema, types: ['*/*'] }, extra.at(key))
}

/** All of them in one pipe, which says of a refusal which one it was. */
export function readChecks(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const expressions = readExpressions(extra, key, sketch)
  if (expressions.length === 0) return
  const pipe = sketch.add(list, { use: 'expression', dialect: 'krakend' }, extra.at(key))
  for (const { expression, from } of expressions) sketch.add([...pipe, 'require'], expression, from)
}

/** Of one backend among several: the part fails, and the others go on. */
export function readPartChecks(extra: Source, key: string, part: Path, sketch: Sketch): void {
  const expressions = readExpressions(extra, key, sketch)
  if (expressions.length === 0) return
  sketch.put([...part, 'dialect'], 'krakend', extra.at(key))
  for (const { expression, from } of expressions) sketch.add([...part, 'require'], expression, from)
}

function readExpressions(extra: Source, key: string, sketch: Sketch): { expression: string; from: Path }[] {
  return (extra.objects(key) ?? []).flatMap((check) => {
    const expression = check.text('check_expr')
    if (expression === undefined) sketch.fault(check.path, 'there is no "check_expr"')
    check.noteUnread(() => ({ message: 'this option of an expression is not known', hint: 'the pipe `expression`' }))
    return expression === undefined ? [] : [{ expression, from: check.at('check_expr') }]
  })
}
