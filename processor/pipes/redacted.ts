// Hides what lets a reader act as somebody else: values of named fields, and of parameters of a query.

/** Parameters that are secrets by their habit. */
const PARAMETERS = [
  'access_token',
  'id_token',
  'refresh_token',
  'token',
  'api_key',
  'key',
  'password',
  'passwd',
  'pwd',
  'secret',
  'client_secret',
  'client_assertion',
  'jwt',
  'sig',
  'signature',
]

/** Whatever stands before it: `X-Vault-Token`, `X-Amz-Signature`. */
const SECRET_END = /(?:token|secret|passw(?:or)?d|signature|apikey)$/

/** Fields whose values are addresses, with a query of their own. */
const ADDRESSES: ReadonlySet<string> = new Set([
  'referer',
  'location',
  'contentlocation',
  'refresh',
  'link',
  'xoriginalurl',
  'xforwardeduri',
])

/** Name and password in an address. */
const USER = /\/\/[^/?#@]*@/g

export const HIDDEN = '***'

export interface Redaction {
  /** Name in any case. */
  field(name: string, value: string): string
  /** Of a target or a query: the parts between `&` whose names are secrets. */
  target(target: string): string
}

/** `names`: of fields, and of parameters. Escapes, case, `-` and `_` make no difference, and `user[password]` is `password`. */
export function createRedaction(names: readonly string[]): Redaction {
  const fields = new Set(names.map(folded))
  const parameters = new Set([...PARAMETERS, ...names].map(folded))
  const isSecretPart = (part: string): boolean => parameters.has(folded(part)) || SECRET_END.test(folded(part))
  const isSecret = (name: string): boolean => {
    const plain = decoded(name)
    return isSecretPart(plain) || plain.split(/[[\].]/).some(isSecretPart)
  }
  const target = (text: string): string => {
    const name = /(?:[?&;#]|^)([^?&;#=]+)=/g
    let shown = ''
    let from = 0
    for (let found = name.exec(text); found !== null; found = name.exec(text)) {
      if (!isSecret(found[1] as string)) continue
      shown += text.slice(from, name.lastIndex) + HIDDEN
      // Whatever else stands in a value belongs to it.
      const end = text.slice(name.lastIndex).search(/[&#]/)
      from = end === -1 ? text.length : name.lastIndex + end
      name.lastIndex = from
    }
    return shown + text.slice(from)
  }
  return {
    field(name, value) {
      const plain = folded(name)
      if (fields.has(plain) || SECRET_END.test(plain)) return HIDDEN
      return ADDRESSES.has(plain) ? target(value.replace(USER, `//${HIDDEN}@`)) : value
    },
    target,
  }
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '')
}

/** As often as an instance might; as it stands where it cannot be. */
function decoded(name: string): string {
  let text = name
  for (let turns = 0; turns < 2 && text.includes('%'); turns++) {
    try {
      text = decodeURIComponent(text)
    } catch {
      return text
    }
  }
  return text
}
