// `compress`: compresses answers for clients that take that, as they stream.
import type { Coding, CompressOptions } from '../../../shared/config/pipes/compress.js'
import { createTypeTest, mediaTypeOf } from '../../../shared/config/pipes/media-types.js'
import { available, chooseCoding, createCompressor } from '../content-coding.js'
import { definePipe, type AnswerHead, type PipeExchange } from '../pipe.js'
import { addVary } from '../varying.js'

/** Their pieces must not wait for more. */
const FLUSHED = new Set(['text/event-stream', 'application/x-ndjson', 'application/json-seq'])

export default definePipe<CompressOptions>({
  create({ codings, types, leastBytes, levels, atOnce }) {
    const offered = available(codings)
    const isWorth = createTypeTest(types)
    let underWay = 0
    let compressed = 0
    let shed = 0

    /** Whether the answer is one that some clients get compressed. */
    function varies({ status, headers, bodiless, length }: AnswerHead): boolean {
      // RFC 9110 section 14: ranges are of the form that was asked for.
      if (bodiless && status !== 200) return false
      if (status === 206 || status === 204 || status === 304 || (length ?? leastBytes) < leastBytes) return false
      if (!isWorth(headers.get('content-type') ?? '') || headers.has('content-encoding')) return false
      return !/\bno-transform\b/i.test(headers.get('cache-control') ?? '')
    }

    // Later pipes may have instances asked for no coding, or keep the field from them.
    function codingFor(x: PipeExchange): Coding | undefined {
      const accepted = x.headers.given('accept-encoding')
      return accepted === undefined ? undefined : chooseCoding(accepted, offered)
    }

    return {
      onResponse(x, answer) {
        if (answer.status === 304) return revalidated(x, answer, codingFor(x))
        if (!varies(answer)) return
        const { headers } = answer
        addVary(headers, 'Accept-Encoding')
        const coding = codingFor(x)
        if (coding === undefined) return
        if (underWay >= atOnce) return void shed++
        headers.text += `Content-Encoding: ${coding}\r\n`
        weaken(answer)
        headers.delete('accept-ranges')
        headers.delete('content-md5')
        headers.delete('digest')
        headers.delete('content-digest')
        const flushing = FLUSHED.has(mediaTypeOf(headers.get('content-type') ?? ''))
        const stream = createCompressor(coding, levels[coding], flushing)
        underWay++
        compressed++
        stream.once('close', () => underWay--)
        answer.transform(stream)
      },
      metrics: () => ({ compressed, shed }),
      gauges: () => ({ under_way: underWay }),
    }
  },
})

/** What the client holds was compressed, most likely: its validator is the weak one. */
function revalidated(x: PipeExchange, answer: AnswerHead, coding: Coding | undefined): void {
  if (coding !== undefined && /(?:^|,)\s*W\//.test(x.headers.get('if-none-match') ?? '')) weaken(answer)
}

/** The bytes differ, the content does not (RFC 9110 section 8.8.1). */
function weaken({ headers }: AnswerHead): void {
  const tag = headers.get('etag')
  if (tag?.startsWith('"') === true) headers.set('ETag', `W/${tag}`)
}
