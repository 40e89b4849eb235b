// What an answer brings, by the encoding that the config names: always fields, whatever form the answer has.
import type { PartConfig } from '../../../../shared/config/merge-model.js'
import { type Budget, Unreadable } from '../budget.js'
import { type Fields, isFields, type Value } from '../value.js'
import { readJson } from './json.js'
import { decodeFeed } from './rss.js'
import { decodeXml } from './xml.js'

/** Throws `Unreadable`. */
export function decode(
  { encoding, isCollection }: Pick<PartConfig, 'encoding' | 'isCollection'>,
  body: Buffer,
  budget: Budget,
): Fields {
  switch (encoding) {
    case 'json':
      return decodeJson(readJson(utf8(body), budget), isCollection)
    case 'safejson':
      return decodeAnyJson(readJson(utf8(body), budget))
    case 'string':
      return new Map([['content', utf8(body)]])
    case 'xml': {
      const fields = decodeXml(characters(body), budget)
      return isCollection ? new Map([['collection', fields]]) : fields
    }
    case 'rss':
      return decodeFeed(characters(body), budget)
    case 'no-op':
      return new Map()
  }
}

function decodeJson(value: Value, isCollection: boolean): Fields {
  if (isCollection) {
    if (Array.isArray(value)) return new Map([['collection', value]])
    throw new Unreadable('the answer is no list')
  }
  if (isFields(value)) return value
  if (value === null) return new Map()
  throw new Unreadable('the answer is no object')
}

function decodeAnyJson(value: Value): Fields {
  if (isFields(value)) return value
  return new Map([[Array.isArray(value) ? 'collection' : 'content', value]])
}

/** Bytes that are none of UTF-8 become U+FFFD; a byte order mark goes. */
function utf8(body: Buffer): string {
  const text = body.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

/** XML says itself in which encoding it is (section 4.3.3). */
function characters(body: Buffer): string {
  const declared = /^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(body.toString('latin1', 0, 200))?.[1]
  if (declared === undefined || /^utf-?8$/i.test(declared)) return utf8(body)
  try {
    return new TextDecoder(declared).decode(body)
  } catch {
    throw new Unreadable('the answer is XML in an encoding that is not known here')
  }
}
