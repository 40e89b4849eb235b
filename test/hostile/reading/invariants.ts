// What holds for every request that reaches an origin and for every answer that reaches a client, whatever was sent.
import { type Field } from './dialect.js'
import { type ReadMessage, valuesOf } from './read.js'

const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ (\/[\x21\x22\x24-\x7e]*|\*) HTTP\/1\.1$/
const STATUS_LINE = /^HTTP\/1\.1 [1-9]\d\d [\t\x20-\x7e\x80-\xff]*$/
const FIELD_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/

/** Never passed on to an origin, in any spelling: they belong to one hop, or only a gateway may say them. */
const NOT_FROM_CLIENTS =
  /^(keep-alive|proxy-connection|upgrade|http2-settings|proxy-authorization|forwarded|x-real-ip|x-forwarded-(?!for$|proto$|host$).*)$/

/** `authority`: of the origin; `host`: what the client meant, undefined where it named none. */
export interface Hop {
  readonly authority: string
  readonly hosts: readonly (string | undefined)[]
  /** This request asks for another protocol, and may. */
  readonly upgrades?: boolean
}

export function faultsOfRequest(message: ReadMessage, { authority, hosts, upgrades = false }: Hop): string[] {
  const { fields } = message
  const asDashes = fields.map(({ name, value }) => ({ name: name.replaceAll('_', '-'), value }))
  const only = (name: string, allowed: readonly (string | undefined)[]): string[] => {
    const values = valuesOf(asDashes, name)
    const right = values.length === 0 ? allowed.includes(undefined) : values.length === 1 && allowed.includes(values[0])
    return right ? [] : [`${name} is ${JSON.stringify(values)}, not ${allowed.map((one) => String(one)).join(' or ')}`]
  }
  return [
    ...faultsOfHead(message, REQUEST_LINE),
    ...only('host', [authority]),
    ...only('x-forwarded-for', ['127.0.0.1']),
    ...only('x-forwarded-proto', ['http']),
    ...only('x-forwarded-host', hosts),
    ...(valuesOf(asDashes, 'x-request-id').length === 1 ? [] : ['there is not exactly one X-Request-Id']),
    ...(/\bserverpy-test$/.test(valuesOf(fields, 'via').at(-1) ?? '') ? [] : ['Via does not end with the gateway']),
    ...asDashes
      .filter(({ name }) => NOT_FROM_CLIENTS.test(name) && !(upgrades && name === 'upgrade'))
      .map(({ name }) => `${name} has been passed on`),
    ...faultsOfConnection(fields, upgrades),
  ]
}

export function faultsOfAnswer(message: ReadMessage): string[] {
  return faultsOfHead(message, STATUS_LINE)
}

function faultsOfHead({ head, fields }: ReadMessage, startLine: RegExp): string[] {
  const [start = '', ...lines] = head.slice(0, -4).split('\r\n')
  const lengths = valuesOf(fields, 'content-length')
  const codings = valuesOf(fields, 'transfer-encoding')
  return [
    ...(startLine.test(start) ? [] : ['its first line is malformed']),
    ...(lines.every((line) => FIELD_LINE.test(line)) ? [] : ['a field line is malformed']),
    ...(lengths.length + codings.length > 1 ? ['it has more than one framing field'] : []),
    ...(lengths.every((length) => /^\d{1,16}$/.test(length)) ? [] : ['its Content-Length is malformed']),
    ...(codings.every((coding) => coding === 'chunked') ? [] : ['its Transfer-Encoding is not plainly "chunked"']),
  ]
}

/** Connection may name what this hop added, and no field that it does not come with. */
function faultsOfConnection(fields: readonly Field[], upgrades: boolean): string[] {
  const options = valuesOf(fields, 'connection').flatMap((value) => value.toLowerCase().split(','))
  const allowed = ['keep-alive', 'close', 'te', ...(upgrades ? ['upgrade'] : [])]
  const te = valuesOf(fields, 'te')
  return [
    ...options.filter((option) => !allowed.includes(option.trim())).map((option) => `Connection names ${option}`),
    ...(te.every((value) => value === 'trailers') ? [] : ['TE asks for more than trailers']),
  ]
}
