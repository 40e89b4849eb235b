// `body-limit`: refuses a request whose body is too long, by what it says of its length or by what comes.
import { Transform } from 'node:stream'
import type { BodyLimitOptions } from '../../../shared/config/pipes/body-limit.js'
import { createTypeTest } from '../../../shared/config/pipes/media-types.js'
import { ProxyError } from '../../../shared/errors.js'
import { contentTypeOf } from '../content-type.js'
import { definePipe, type PipeExchange } from '../pipe.js'

export default definePipe<BodyLimitOptions>({
  create({ bytes, types }) {
    const limits = types.map(([type, most]) => [createTypeTest([type]), most] as const)
    const least = Math.min(bytes ?? Infinity, ...types.map(([, most]) => most))

    function mostOf(x: PipeExchange): number | undefined {
      const type = limits.length === 0 ? '' : contentTypeOf(x.headers)
      if (type === undefined) return least
      return limits.find(([fits]) => fits(type))?.[1] ?? bytes
    }

    return {
      onRequest(x) {
        if (x.bodyKind === 'none') return
        const most = mostOf(x)
        if (most === undefined) return
        if (x.bodyLength === undefined) return x.transformBody(limited(most))
        if (x.bodyLength > most) throw tooLarge(most)
      },
    }
  },
})

function tooLarge(most: number): ProxyError {
  return new ProxyError('body-too-large', 'client', 'never', `the body is longer than ${most} bytes`)
}

/** Passes everything on until it is too much. */
function limited(most: number): Transform {
  let bytes = 0
  return new Transform({
    transform(piece: Buffer, _, done) {
      bytes += piece.length
      if (bytes > most) done(tooLarge(most))
      else done(null, piece)
    },
  })
}
