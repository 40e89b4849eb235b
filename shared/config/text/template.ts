// Paths with `{holes}` that are filled from the request, from a token, or from an earlier answer.
import type { PathPiece } from '../merge-model.js'
import type { Fault } from '../problem.js'
import { endpointFault } from './path.js'

const ANSWER = /^resp(\d{1,3})(?:_(.+))?$/i

/** What is wrong with it by itself; whether what it names is there is another question. */
export function templateFault(template: string): Fault | undefined {
  let rest = ''
  let from = 0
  for (let open = template.indexOf('{'); open >= 0; open = template.indexOf('{', from)) {
    const close = template.indexOf('}', open)
    const name = template.slice(open + 1, close)
    if (close < 0 || name === '' || name.includes('{') || name === 'JWT.')
      return { message: 'a "{" needs a name and a "}" after it', hint: 'such as "/users/{id}"' }
    rest += `${template.slice(from, open)}x`
    from = close + 1
  }
  rest += template.slice(from)
  return rest.includes('}') ? { message: 'a "}" needs a "{" before it' } : endpointFault(rest)
}

/** Of a template without faults. */
export function templatePieces(template: string): readonly PathPiece[] {
  return template
    .split(/\{([^{}]*)\}/)
    .map((text, i) => (i % 2 === 0 ? text : hole(text)))
    .filter((piece) => piece !== '')
}

function hole(name: string): PathPiece {
  const [whole, part, names] = ANSWER.exec(name) ?? []
  if (whole !== undefined) return { kind: 'answer', part: Number(part), names: names?.split('.') ?? [] }
  return name.startsWith('JWT.') ? { kind: 'claim', name: name.slice(4) } : { kind: 'parameter', name }
}
