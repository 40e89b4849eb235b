// Whole cases: messages, mutations of them, joined ones, and where they are cut.
import fc from 'fast-check'
import { type AnswersCase, type ChunksCase, type GatewayKind, LIMITS, type RequestsCase } from '../cases.js'
import { agreement, answer } from './answers.js'
import { chunkedBody } from './chunks.js'
import { mutated } from './mutations.js'
import { request } from './requests.js'
import { choice } from './weights.js'

type Cutting = (bytes: string) => number[]

/** Whole, at a few places, within every line end, or after every byte. */
const cutting = choice<Cutting>(
  [3, fc.constant(() => [])],
  [
    5,
    fc
      .array(fc.nat(0xffff), { minLength: 1, maxLength: 5 })
      .map((places) => (bytes) => places.map((p) => p % (bytes.length + 1))),
  ],
  [2, fc.constant((bytes) => [...bytes.matchAll(/\r/g)].map(({ index }) => index + 1))],
  [1, fc.constant((bytes) => (bytes.length > 300 ? [] : Array.from(bytes, (_, i) => i)))],
)

function cut<T extends { readonly bytes: string }>(
  arbitrary: fc.Arbitrary<T>,
): fc.Arbitrary<T & { readonly cuts: readonly number[] }> {
  return fc.tuple(arbitrary, cutting).map(([value, cuts]) => {
    return {
      ...value,
      cuts: [...new Set(cuts(value.bytes))].filter((p) => p > 0 && p < value.bytes.length).sort((a, b) => a - b),
    }
  })
}

const gatewayKind = fc.constantFrom<GatewayKind>('handles', 'sockets', 'batching')

/** One head, or one and more; with limits that it may just meet or cross. */
export const heads: fc.Arbitrary<RequestsCase> = cut(
  fc.record({
    kind: fc.constant('requests' as const),
    bytes: mutated(request),
    headBytes: choice([8, fc.constant(LIMITS.headBytes)], [1, fc.integer({ min: 20, max: 400 })]),
    fields: choice([8, fc.constant(LIMITS.fields)], [1, fc.nat(6)]),
    // No config may ask for less than a method may be long.
    uriBytes: choice([8, fc.constant(LIMITS.uriBytes)], [1, fc.integer({ min: 64, max: 80 })]),
    trusted: fc.boolean(),
    leaves: fc.constant('answered' as const),
    gateway: fc.constant('handles' as const),
  }),
)

const liveLimits = {
  headBytes: fc.constant(LIMITS.headBytes),
  fields: fc.constant(LIMITS.fields),
  uriBytes: fc.constant(LIMITS.uriBytes),
  trusted: fc.constant(false),
}

const leaves = choice<RequestsCase['leaves']>(
  [4, fc.constant('answered')],
  [4, fc.constant('at-once')],
  [1, fc.constant('by-reset')],
)

/** Several requests of one client, one of them perhaps changed, or the joint between two. */
export const pipelines: fc.Arbitrary<RequestsCase> = cut(
  fc.record({
    kind: fc.constant('requests' as const),
    bytes: mutated(
      choice(
        [3, mutated(request, 12)],
        [3, fc.array(mutated(request, 60), { minLength: 2, maxLength: 4 }).map((all) => all.join(''))],
      ),
      14,
    ),
    ...liveLimits,
    leaves,
    gateway: gatewayKind,
  }),
)

/** Short enough to be cut at every byte. */
export const small: fc.Arbitrary<RequestsCase> = fc.record({
  kind: fc.constant('requests' as const),
  bytes: mutated(choice([3, request], [1, fc.tuple(request, request).map((both) => both.join(''))])).filter(
    ({ length }) => length > 0 && length < 200,
  ),
  cuts: fc.constant([]),
  ...liveLimits,
  leaves: fc.constantFrom<RequestsCase['leaves']>('answered', 'at-once'),
  gateway: gatewayKind,
})

const end = choice<AnswersCase['end']>([3, fc.constant('open')], [3, fc.constant('fin')], [1, fc.constant('reset')])

export const answers: fc.Arbitrary<AnswersCase> = cut(
  choice<Omit<AnswersCase, 'cuts'>>(
    [
      5,
      fc.record({
        kind: fc.constant('answers' as const),
        bytes: mutated(answer),
        method: choice([5, fc.constant('GET')], [2, fc.constant('HEAD')], [2, fc.constant('POST')]),
        minor: choice([4, fc.constant(1)], [1, fc.constant(0)]),
        expects: choice([4, fc.constant(false)], [1, fc.constant(true)]),
        asks: fc.constant(false),
        gateway: gatewayKind,
        end,
      }),
    ],
    [
      1,
      fc.record({
        kind: fc.constant('answers' as const),
        bytes: mutated(agreement, 12),
        method: choice([9, fc.constant('GET')], [1, fc.constant('POST')]),
        minor: choice([9, fc.constant(1)], [1, fc.constant(0)]),
        expects: fc.constant(false),
        asks: fc.constant(true),
        gateway: gatewayKind,
        end,
      }),
    ],
  ),
)

export const chunks: fc.Arbitrary<ChunksCase> = cut(
  fc.record({
    kind: fc.constant('chunks' as const),
    of: fc.constantFrom('request' as const, 'answer' as const),
    hop: choice([3, fc.constant('')], [1, fc.constant('x-t')]),
    bytes: fc
      .tuple(mutated(chunkedBody), choice([3, fc.constant('')], [1, fc.constant('GET / HTTP/1.1\r\n')]))
      .map((p) => p.join('')),
  }),
)
