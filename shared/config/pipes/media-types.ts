// Media types as the config names them: one type, all of a kind (`text/*`), or all with a suffix (`*+json`).
import type { Fault } from '../problem.js'

const TYPE = /^(?:[\w!#$&^.-]+\/(?:[\w!#$&^.+-]+|\*)|\*\+[\w.-]+|\*\/\*)$/

export function mediaTypeFault(type: string): Fault | undefined {
  return TYPE.test(type)
    ? undefined
    : { message: 'not a media type', hint: 'such as application/json, text/* or *+json' }
}

/** Whether the media type of a Content-Type field is one of `types`, which are in lower case. */
export function createTypeTest(types: readonly string[]): (contentType: string) => boolean {
  const exact = new Set(types)
  const starts = types.filter((type) => type.endsWith('/*')).map((type) => type.slice(0, -1))
  const ends = types.filter((type) => type.startsWith('*+')).map((type) => type.slice(1))
  const any = exact.has('*/*')
  return (contentType) => {
    const type = mediaTypeOf(contentType)
    // Also what does not say its type.
    if (any) return true
    if (type === '') return false
    return exact.has(type) || starts.some((start) => type.startsWith(start)) || ends.some((end) => type.endsWith(end))
  }
}

/** Without its parameters, in lower case. */
export function mediaTypeOf(contentType: string): string {
  const semicolon = contentType.indexOf(';')
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
}
