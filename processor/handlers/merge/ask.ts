// Asks one service for one part: redirects, success or not, and what its answer brings.
import { brotliDecompress, gunzip, type InputType, inflate } from 'node:zlib'
import type { PartConfig } from '../../../shared/config/merge-model.js'
import { ERRORS, ProxyError } from '../../../shared/errors.js'
import type { Answer, Call, Calling } from '../../call.js'
import { FieldLines } from '../../field-lines.js'
import type { Admission } from './admission.js'
import { type Budget, Unreadable } from './budget.js'
import { decode } from './encoding/decode.js'
import { type Hop, isRedirect, type Place, redirected } from './redirect.js'
import { createShape } from './shape/shape.js'
import { type Fields, toFields } from './value.js'

export type PartResult =
  | {
      readonly ok: true
      readonly data: Fields
      readonly complete: boolean
      readonly body: Buffer
      /** Of an answer that is passed on as it is. */
      readonly answer?: Answer
    }
  | {
      readonly ok: false
      /** For the log. */
      readonly reason: string
      /** For a client that is told. */
      readonly told: string
      /** Of a status that is passed on. */
      readonly answer?: Answer
    }

/** One part's request, ready to be sent. */
export interface PartRequest {
  readonly method: string
  readonly target: string
  /** Whole lines. */
  readonly fields: string
  /** gzip was asked for by the gateway itself. */
  readonly ownCoding: boolean
  readonly body: Buffer | undefined
  /** There is a body, which comes later. */
  readonly streamed: boolean
  /** The length of the body may be told. */
  readonly sized: boolean
  /** Monotonic milliseconds; Infinity: as long as the service has. */
  readonly until: number
}

export interface AskDeps {
  /** `withBody`: the body that comes later goes with this one. */
  call(call: Call, withBody: boolean): Calling
  /** Instances of the service of the part. */
  places(): readonly Place[]
  now(): number
  readonly budget: Budget
  /** Before each request that is not the next one of a redirect; undefined: whenever there is one. */
  readonly admit: Admission | undefined
  /** X-Forwarded-* and what else the gateway tells services natively. */
  readonly forwarded: boolean
}

export interface Asking {
  /** Never rejects. */
  readonly result: Promise<PartResult>
  cancel(): void
}

export type Ask = (request: PartRequest, deps: AskDeps) => Asking

const INVALID_STATUS = 'invalid status code'

export function createAsk(part: PartConfig): Ask {
  const shape = createShape(part)
  const once: Ask = (request, deps) => {
    let calling: Calling | undefined
    let cancelled = false
    const begin = (call: Call, withBody: boolean): Promise<Answer> => {
      calling = deps.call(call, withBody)
      if (cancelled) calling.cancel()
      return calling.answer
    }
    const asked = () => follow(part, request, deps, begin)
    const result = (deps.admit === undefined ? asked() : deps.admit().then(asked))
      .then((answer) => read(part, answer, request, deps, shape))
      .catch((error: unknown) => failed(error))
    return {
      result,
      cancel() {
        cancelled = true
        calling?.cancel()
      },
    }
  }
  return part.concurrentCalls === 1 ? once : race(once, part.concurrentCalls)
}

/** The first whole one of `n` answers counts; the others are given up. They have three quarters of the time. */
function race(once: Ask, n: number): Ask {
  return (request, deps) => {
    const until = request.until - (request.until - deps.now()) / 4
    const askings = Array.from({ length: n }, () => once({ ...request, until }, deps))
    const cancel = () => {
      for (const asking of askings) asking.cancel()
    }
    const result = new Promise<PartResult>((resolve) => {
      let left = n
      let best: PartResult | undefined
      for (const asking of askings) {
        void asking.result.then((one) => {
          if (best === undefined || (one.ok && !best.ok)) best = one
          if (--left > 0 && !(one.ok && one.complete)) return
          resolve(one.ok && one.complete ? one : best)
          cancel()
        })
      }
    })
    return { result, cancel }
  }
}

/** The answer at the end of all redirects. */
async function follow(
  part: PartConfig,
  request: PartRequest,
  { places, now, forwarded }: AskDeps,
  begin: (call: Call, withBody: boolean) => Promise<Answer>,
): Promise<Answer> {
  const { service, redirects, answerBytes } = part
  const { method, target, streamed } = request
  let hop: Hop = { method, target, referer: '', withBody: streamed || request.body !== undefined }
  for (let hops = 0; ; hops++) {
    const leftMs = request.until - now()
    if (leftMs <= 0) throw new ProxyError('answer-timeout', 'upstream', 'never', 'its redirects took too long')
    const call = {
      service,
      method: hop.method,
      target: hop.target,
      fields: fieldsFor(hop, request),
      ...(hop.withBody && { sized: request.sized, ...(request.body !== undefined && { body: request.body }) }),
      timeoutMs: leftMs === Infinity ? 0 : Math.ceil(leftMs),
      mostBytes: answerBytes,
      forwarded,
    }
    const answer = await begin(call, streamed && hop.withBody)
    const next = redirects === 0 ? undefined : redirected(answer, hop, places())
    if (next === undefined) return answer
    const why = hops === redirects ? `it redirects more than ${redirects} times` : 'why' in next ? next.why : undefined
    // What was passed on as it came cannot be sent once more.
    if (streamed && !('why' in next) && next.withBody) return answer
    if (why === undefined) hop = next as Hop
    // Whoever gets answers as they are can follow it alone.
    else if (part.encoding === 'no-op') return answer
    else throw new Unreadable(why, hops === redirects ? why : 'its redirect cannot be followed')
  }
}

function fieldsFor({ referer, withBody }: Hop, { fields, body, streamed }: PartRequest): string {
  if (referer === '') return fields
  const rest = fields.replace(/^referer:[^\r\n]*\r\n/gim, '')
  const plain =
    withBody || (body === undefined && !streamed) ? rest : rest.replace(/^content-[^:\r\n]*:[^\r\n]*\r\n/gim, '')
  return `${plain}Referer: ${referer}\r\n`
}

async function read(
  part: PartConfig,
  given: Answer,
  { ownCoding }: PartRequest,
  { budget }: AskDeps,
  shape: (data: Fields) => Fields,
): Promise<PartResult> {
  const { encoding, onError } = part
  if (encoding === 'no-op') {
    const answer = ownCoding ? await plain(given, part, true) : given
    budget.body(answer.body.length)
    return { ok: true, data: new Map(), complete: true, body: answer.body, answer }
  }
  const answer = await plain(given, part, false)
  const { status, body } = answer
  budget.body(body.length)
  if (status === 200 || status === 201)
    return { ok: true, data: shape(decode(part, body, budget)), complete: true, body }
  if (onError.kind === 'details') {
    return { ok: true, data: new Map([[`error_${onError.name}`, details(answer)]]), complete: false, body }
  }
  const failure = { ok: false, reason: `it answered ${status}`, told: INVALID_STATUS } as const
  return onError.kind === 'status' && !isRedirect(status)
    ? { ...failure, told: body.toString('utf8'), answer }
    : failure
}

function details({ status, body, fields }: Answer): Fields {
  const text = body.toString('utf8')
  const type = fields.get('content-type') ?? ''
  return toFields({
    http_status_code: status,
    ...(text !== '' && { http_body: text }),
    ...(type !== '' && { http_body_encoding: type }),
  })
}

type Unpack = (
  body: InputType,
  options: { maxOutputLength: number },
  done: (e: Error | null, out: Buffer) => void,
) => void

const CODINGS: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', inflate],
  ['br', brotliDecompress],
])

/** With the body's coding undone, where it is one of those that were asked for. `bare`: its field goes, too. */
async function plain(answer: Answer, { answerBytes }: PartConfig, bare: boolean): Promise<Answer> {
  const coding = answer.fields.get('content-encoding')?.toLowerCase()
  const unpack = CODINGS.get(coding ?? '')
  if (unpack === undefined || answer.body.length === 0) return answer
  const body = await new Promise<Buffer>((resolve, reject) => {
    unpack(answer.body, { maxOutputLength: answerBytes }, (error, out) => {
      if (error === null) resolve(out)
      else reject(new Unreadable('its answer cannot be unpacked, or is too large'))
    })
  })
  if (!bare) return { ...answer, body }
  // The answer may be another one's, too.
  const fields = new FieldLines(answer.fields.text)
  fields.delete('content-encoding')
  return { ...answer, body, fields }
}

/** What a failure is called in the log, and what a client is told who is told. */
function failed(error: unknown): PartResult {
  if (error instanceof ProxyError) {
    return { ok: false, reason: `${error.code}: ${error.message}`, told: toldOf(error) }
  }
  if (error instanceof Unreadable) return { ok: false, reason: error.message, told: error.told }
  // A bug of ours costs this part, not the worker.
  return {
    ok: false,
    reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    told: 'internal',
  }
}

/** Messages name services and instances, which are no client's affair; those of the parts' own rules do not. */
function toldOf({ code, message }: ProxyError): string {
  if (code === 'answer-timeout') return 'context deadline exceeded'
  return code === 'merge-failed' || code === 'rate-limited' ? message : ERRORS[code].title
}
