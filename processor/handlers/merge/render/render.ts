// How what was put together is written for the client.
import type { MergeConfig, Output } from '../../../../shared/config/merge-model.js'
import type { Fields } from '../value.js'
import { writeJson } from './json.js'
import { writeXml } from './xml.js'
import { writeYaml } from './yaml.js'

export interface Rendered {
  readonly type: string
  readonly body: string
}

type Form = Exclude<Output, 'negotiate' | 'no-op'>

/** The way from a media type of Accept to a form; the first is for clients that take anything. */
const FORMS: readonly (readonly [type: string, form: Form])[] = [
  ['application/json', 'json'],
  ['text/plain', 'yaml'],
  ['application/xml', 'xml'],
  ['text/xml', 'xml'],
  ['application/yaml', 'yaml'],
  ['application/x-yaml', 'yaml'],
]

export function render(
  { output, forwarding }: Pick<MergeConfig, 'output' | 'forwarding'>,
  data: Fields,
  accept: string | undefined,
): Rendered {
  const strict = forwarding === 'strict'
  switch (output === 'negotiate' ? negotiated(accept) : output) {
    case 'json-collection':
      return json(writeJson(data.get('collection') ?? []))
    case 'string': {
      const content = data.get('content')
      return { type: 'text/plain; charset=utf-8', body: typeof content === 'string' ? content : '' }
    }
    case 'xml':
      return { type: strict ? 'application/xml' : 'application/xml; charset=utf-8', body: writeXml(data) }
    case 'yaml':
      return { type: `application/${strict ? 'x-yaml' : 'yaml'}; charset=utf-8`, body: writeYaml(data) }
    case 'json':
    case 'no-op':
      return json(writeJson(data))
  }
}

function json(body: string): Rendered {
  return { type: 'application/json; charset=utf-8', body }
}

/** The first type that the client names and that there is; quality counts only where it is 0 (RFC 9110 section 12.5.1). */
function negotiated(accept: string | undefined): Form {
  for (const one of (accept ?? '').split(',')) {
    const [range = '', ...parameters] = one.toLowerCase().split(';')
    if (parameters.some((parameter) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/.test(parameter))) continue
    const wanted = range.trim()
    const found = FORMS.find(([type]) => type === wanted || wanted === '*/*' || wanted === `${type.split('/')[0]}/*`)
    if (found !== undefined) return found[1]
  }
  return 'json'
}
