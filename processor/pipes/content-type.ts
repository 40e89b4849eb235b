// Content-Type of a request, for pipes that go by it: what two readers could take for two types is none.
import { mediaTypeOf } from '../../shared/config/pipes/media-types.js'
import type { FieldLines } from './pipe.js'

const ONE_TYPE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/

/** Empty where there is none. Undefined where there are several, or what is there is no media type. */
export function contentTypeOf(headers: FieldLines): string | undefined {
  const [type = '', ...more] = headers.getAll('content-type')
  if (more.length > 0) return undefined
  return type === '' || ONE_TYPE.test(mediaTypeOf(type)) ? type : undefined
}
