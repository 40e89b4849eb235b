// What of a client's header fields and query passes to a part: what is listed, and of that only what makes sense there.
import type { MergeConfig, PartConfig } from '../../../shared/config/merge-model.js'
import { PRODUCT, VERSION } from '../../../shared/version.js'

const OURS = `${PRODUCT}/${VERSION}`

/** The engine's own, or between the client and this gateway. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'expect', 'trailer'])

/** They are about the form of the client's own answer, which is another one than a part's. */
const OF_ANSWER: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
])

type Route = Pick<MergeConfig, 'forwarding' | 'inputHeaders' | 'inputQuery'>
type Part = Pick<PartConfig, 'encoding' | 'inputHeaders' | 'inputQuery'>
type Asked = Pick<PartConfig, 'inputQuery' | 'path'>

/** Of the client: what parts may get. */
export interface Client {
  /** Whole lines. */
  readonly fields: string
  readonly address: string
  readonly host: string
}

export interface PartFields {
  readonly lines: string
  /** gzip was asked for by the gateway, and not by the client. */
  readonly ownCoding: boolean
  /** The client told the length of its body, and that passes. */
  readonly sized: boolean
}

/** Field lines for one part. `withBody`: the client's body goes there. */
export function createFieldFilter(route: Route, part: Part): (client: Client, withBody: boolean) => PartFields {
  const strict = route.forwarding === 'strict'
  const passesRoute = allowance(route.inputHeaders, !strict && part.encoding !== 'no-op')
  const passesPart = allowance(part.inputHeaders, false)
  return ({ fields, address, host }, withBody) => {
    let lines = ''
    let named = false
    let coded = false
    let sized = false
    for (const line of fields.split('\r\n')) {
      const name = line.slice(0, line.indexOf(':')).toLowerCase()
      if (name === '' || !passesRoute(name) || !passesPart(name)) continue
      if (name === 'content-length') sized = true
      if (FRAMING.has(name)) continue
      if (!withBody && !strict && name.startsWith('content-')) continue
      lines += `${line}\r\n`
      if (name === 'user-agent') named = true
      else if (name === 'accept-encoding') coded = true
    }
    if (strict) lines += `X-Forwarded-For: ${address}\r\n${host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`}`
    if (!named) lines += `User-Agent: ${OURS}\r\n`
    else if (strict) lines += `X-Forwarded-Via: ${OURS}\r\n`
    const ownCoding = !coded && (strict || part.encoding !== 'no-op')
    if (ownCoding) lines += 'Accept-Encoding: gzip\r\n'
    return { lines, ownCoding, sized }
  }
}

/** `read`: the answer is read here, so that what shapes it passes only by its name. */
function allowance(list: readonly string[] | undefined, read: boolean): (name: string) => boolean {
  const names = new Set(list)
  if (list !== undefined && !names.has('*')) {
    return names.size === 0 ? (name) => name === 'content-type' : (name) => names.has(name)
  }
  return (name) => !read || !OF_ANSWER.has(name) || names.has(name)
}

/** The query for one part, without `?`; the parameters stay as they came. */
export function createQueryFilter(route: Route, part: Asked): (target: string) => string {
  const said = route.forwarding === 'strict' ? new Set<string>() : namesIn(part.path)
  const lists = [route.inputQuery, part.inputQuery].filter((list) => list !== undefined && !list.includes('*'))
  const sets = lists.map((list) => new Set(list))
  return (target) => {
    const mark = target.indexOf('?')
    const query = mark < 0 ? '' : target.slice(mark + 1)
    if (query === '' || (sets.length === 0 && said.size === 0)) return query
    return query
      .split('&')
      .filter((pair) => {
        const name = nameOf(pair)
        return sets.every((set) => set.has(name)) && !said.has(name) && !said.has(name.split('[', 1)[0] as string)
      })
      .join('&')
  }
}

/**
 * Parameters that the config says itself. A client's of the same name would come behind them, and services that take the
 * last of two, or the elements of a list (`a[]`), would go by that.
 */
function namesIn(path: PartConfig['path']): ReadonlySet<string> {
  const text = path.map((piece) => (typeof piece === 'string' ? piece : '')).join('')
  return text.includes('?') ? new Set(new URLSearchParams(text.slice(text.indexOf('?'))).keys()) : new Set()
}

function nameOf(pair: string): string {
  const [name = ''] = pair.split('=', 1)
  if (!/[%+]/.test(name)) return name
  return [...new URLSearchParams(`${name}=`).keys()][0] ?? name
}
