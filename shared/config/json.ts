// Holds a .json file to JSON (RFC 8259): the YAML reader that gives the positions would let comments and bare words pass.

interface JsonFault {
  readonly offset: number
  readonly message: string
  readonly hint?: string
}

const SPACE = /[ \t\r\n]*/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const LITERAL = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y

type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' | 'nothing'

/** The first place where `text` is not JSON; undefined if it is. */
export function findJsonFault(text: string): JsonFault | undefined {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = 0
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const taken = pattern.exec(text)
    at = taken ? pattern.lastIndex : at
    return taken !== null
  }
  const afterValue = (): Expected => (open.length === 0 ? 'nothing' : 'comma-or-end')

  for (;;) {
    take(SPACE)
    const char = text[at]
    if (char === undefined)
      return expected === 'nothing' ? undefined : { offset: at, message: 'the file ends too early' }
    const inside = open.at(-1)
    if (expected === 'colon' && char === ':') {
      at++
      expected = 'value'
    } else if (expected === 'comma-or-end' && char === ',') {
      at++
      expected = inside === '{' ? 'key' : 'value'
    } else if (mayEnd(expected) && char === (inside === '{' ? '}' : ']')) {
      at++
      open.pop()
      expected = afterValue()
    } else if ((expected === 'key' || expected === 'key-or-end') && take(STRING)) {
      expected = 'colon'
    } else if ((expected === 'value' || expected === 'value-or-end') && (char === '{' || char === '[')) {
      at++
      open.push(char)
      expected = char === '{' ? 'key-or-end' : 'value-or-end'
    } else if ((expected === 'value' || expected === 'value-or-end') && (take(STRING) || take(LITERAL))) {
      expected = afterValue()
    } else {
      return { offset: at, ...explain(text, at, expected) }
    }
  }
}

function mayEnd(expected: Expected): boolean {
  return expected === 'comma-or-end' || expected === 'key-or-end' || expected === 'value-or-end'
}

function explain(text: string, at: number, expected: Expected): { message: string; hint?: string } {
  const char = text[at] ?? ''
  if (inTemplate(text, at)) {
    return {
      message: 'a template in braces stands here',
      hint: 'have it filled in first: this is the text that is read',
    }
  }
  if (char === '#' || text.startsWith('//', at) || text.startsWith('/*', at)) {
    return { message: 'JSON has no comments', hint: 'remove it, or use a .yaml file' }
  }
  if (expected === 'nothing') return { message: 'the JSON has ended here, but more follows' }
  if (expected === 'colon') return { message: 'a colon is missing after the key' }
  if (expected === 'comma-or-end')
    return { message: `unexpected ${JSON.stringify(char)}`, hint: 'is a comma missing before it?' }
  if (char === '}' || char === ']') {
    const before = text.slice(0, at).trimEnd().at(-1)
    const message = `unexpected ${JSON.stringify(char)}`
    return { message, hint: before === ',' ? 'drop the comma before it' : 'a value is missing before it' }
  }
  if (char === '"')
    return { message: 'the string is not closed, or holds a line break, a control character or a bad escape' }
  if (char === "'") return { message: 'JSON strings stand in double quotes' }
  if (expected.startsWith('key')) return { message: 'a key in double quotes is expected here' }
  return { message: 'a JSON value is expected here', hint: 'text stands in double quotes' }
}

/** Between `{{` and `}}` of one line, as in `"{{ env "HOST" }}"`. */
function inTemplate(text: string, at: number): boolean {
  const open = text.lastIndexOf('{{', at)
  return open >= 0 && !/\}\}|\n/.test(text.slice(open, at))
}
