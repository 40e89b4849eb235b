// Holds JSON values against the part of JSON Schema 2020-12 that the OpenAPI document uses; an unknown keyword is an error.

type Json = Readonly<Record<string, unknown>>

/** What is wrong, one line each, with the path of the value; empty when it fits. `root` resolves `$ref`. */
export function mismatches(value: unknown, schema: Json, root: Json, at = '$'): string[] {
  const found: string[] = []
  const fail = (message: string) => void found.push(`${at}: ${message}`)
  for (const [keyword, rule] of Object.entries(schema)) {
    switch (keyword) {
      case 'description':
        break
      case '$ref':
        found.push(...mismatches(value, resolve(rule as string, root), root, at))
        break
      case 'type':
        if (![rule].flat().some((type) => isOfType(value, type as string)))
          fail(`is ${show(value)}, not ${String(rule)}`)
        break
      case 'const':
        if (value !== rule) fail(`is ${show(value)}, not ${show(rule)}`)
        break
      case 'enum':
        if (!(rule as unknown[]).includes(value)) fail(`${show(value)} is none of ${show(rule)}`)
        break
      case 'oneOf': {
        const tries = (rule as Json[]).map((one) => mismatches(value, one, root, at))
        const fitting = tries.filter((one) => one.length === 0).length
        if (fitting !== 1) fail(`fits ${fitting} of ${tries.length} schemas: ${tries.flat().join('; ')}`)
        break
      }
      case 'format':
        if (rule !== 'date-time') throw new Error(`format ${String(rule)} is not known`)
        if (typeof value === 'string' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value))
          fail(`${value} is no UTC time`)
        break
      case 'pattern':
        if (typeof value === 'string' && !new RegExp(rule as string, 'u').test(value))
          fail(`${value} does not match ${String(rule)}`)
        break
      case 'minimum':
        if (typeof value === 'number' && value < (rule as number)) fail(`${value} is below ${String(rule)}`)
        break
      case 'maximum':
        if (typeof value === 'number' && value > (rule as number)) fail(`${value} is above ${String(rule)}`)
        break
      case 'minItems':
        if (Array.isArray(value) && value.length < (rule as number))
          fail(`holds ${value.length} items, not ${String(rule)}`)
        break
      case 'maxItems':
        if (Array.isArray(value) && value.length > (rule as number))
          fail(`holds ${value.length} items, not ${String(rule)}`)
        break
      case 'items':
        if (Array.isArray(value))
          value.forEach((item, i) => found.push(...mismatches(item, rule as Json, root, `${at}[${i}]`)))
        break
      case 'required':
        for (const name of rule as string[]) if (isObject(value) && !(name in value)) fail(`${name} is missing`)
        break
      case 'properties':
        for (const [name, one] of Object.entries(rule as Record<string, Json>)) {
          if (isObject(value) && name in value) found.push(...mismatches(value[name], one, root, `${at}.${name}`))
        }
        break
      case 'additionalProperties':
        for (const name of isObject(value) ? Object.keys(value) : []) {
          if (name in ((schema.properties ?? {}) as Json)) continue
          if (rule === false) fail(`${name} is not in the schema`)
          else if (isObject(rule)) found.push(...mismatches((value as Json)[name], rule, root, `${at}.${name}`))
        }
        break
      default:
        throw new Error(`the keyword ${keyword} is not known here`)
    }
  }
  return found
}

function resolve(reference: string, root: Json): Json {
  let found: unknown = root
  for (const name of reference.replace(/^#\//, '').split('/')) found = isObject(found) ? found[name] : undefined
  if (!isObject(found)) throw new Error(`${reference} leads nowhere`)
  return found
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 200) ?? 'undefined'
}
