// Fills the path of a part: what stands in a hole stays within its segment, or within its value in the query.
import type { PathPiece } from '../../../shared/config/merge-model.js'
import { writeJson } from './render/json.js'
import { type Fields, isFields, scalarText, toValue, type Value } from './value.js'

/** A hole has nothing to be filled with, or with what may not stand there. */
export class Unfillable extends Error {}

export interface Filling {
  /** Of the route's path, as it came. */
  parameter(name: string): string | undefined
  claims(): Readonly<Record<string, unknown>> | undefined
  /** Of earlier parts. */
  readonly answers: readonly { readonly data: Fields; readonly body: Buffer }[]
  /** Slashes of claims and of answers part segments. */
  readonly slashes: boolean
}

/** Within what fills a hole, as an instance may read it that takes its encoding away first. */
const CLIMBS = /(?:^|[\\/])\.{1,2}[\\/]|[\\/]\.{1,2}$/

const DOTS = /(?:^|\/)(?:\.|%2e){1,2}(?=\/|$)/i

export function fill(pieces: readonly PathPiece[], filling: Filling): string {
  let text = ''
  let query = false
  for (const [i, piece] of pieces.entries()) {
    if (typeof piece !== 'string') {
      const filled = encoded(piece, filling, query)
      if (filled === '' && !query && !filling.slashes && text.endsWith('/') && endsSegment(pieces[i + 1]))
        throw new Unfillable('what would be a whole segment of the path is empty')
      text += filled
    } else {
      text += piece
      query ||= piece.includes('?')
    }
  }
  // What is filled in may not lead to another place than the config says.
  const path = query ? text.slice(0, text.indexOf('?')) : text
  if (DOTS.test(path)) throw new Unfillable('a parameter would lead out of the path')
  return path.startsWith('//') ? `/${text.replace(/^\/+/, '')}` : text
}

/** The segment before it ends where it begins. Without what stands in it, `/users/{id}` would ask for all of them. */
function endsSegment(next: PathPiece | undefined): boolean {
  return next === undefined || (typeof next === 'string' && /^[/?]/.test(next))
}

function encoded(piece: Exclude<PathPiece, string>, filling: Filling, query: boolean): string {
  const value = wellFormed(valueOf(piece, filling))
  if (!query && CLIMBS.test(value)) throw new Unfillable('a parameter would lead out of the path')
  const text = encodeURIComponent(value)
  return piece.kind === 'parameter' || query || !filling.slashes ? text : text.replaceAll('%2F', '/')
}

function valueOf(piece: Exclude<PathPiece, string>, filling: Filling): string {
  switch (piece.kind) {
    case 'parameter':
      return decoded(filling.parameter(piece.name) ?? '')
    case 'claim': {
      const claim = claimIn(filling.claims() ?? {}, piece.name)
      if (claim === undefined) throw new Unfillable(`the request has no claim "${piece.name}"`)
      return spelled(toValue(claim))
    }
    case 'answer': {
      const answer = filling.answers[piece.part]
      if (answer === undefined) throw new Unfillable(`part ${piece.part} has brought nothing`)
      if (piece.names.length === 0) return answer.body.toString('base64url')
      return spelled(valueAt(answer.data, piece))
    }
  }
}

/** A claim by its whole name, which may hold dots, or within others. */
function claimIn(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let found: unknown = claims
  for (const step of name.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined
    found = (found as Record<string, unknown>)[step]
  }
  return found
}

function valueAt(data: Fields, { part, names }: { readonly part: number; readonly names: readonly string[] }): Value {
  let value: Value | undefined = data
  for (const name of names) {
    value = isFields(value) ? value.get(name) : Array.isArray(value) ? value[Number(name)] : undefined
    if (value === undefined) throw new Unfillable(`the answer of part ${part} has no "${names.join('.')}"`)
  }
  return value
}

/** A list as its elements with commas. */
function spelled(value: Value): string {
  if (Array.isArray(value)) return value.map((one) => scalarText(one) ?? writeJson(one)).join(',')
  return scalarText(value) ?? writeJson(value)
}

function decoded(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}

/** Half a pair of surrogates has no encoding. */
function wellFormed(text: string): string {
  return /[\ud800-\udfff]/.test(text) ? Buffer.from(text, 'utf8').toString('utf8') : text
}
