// Messages one behind the other on a connection (RFC 9112 section 6.3): where each ends, and how the sequence ends.
import { type AnswerHead, readAnswerHead } from './answer.js'
import { type ChunkedBody, readChunked, type TrailerRules } from './chunks.js'
import { type Length, valuesOf } from './heads.js'
import { type Ending, OPEN, type Reading, refused, whole } from './reading.js'
import { readRequestHead, type RequestHead, type RequestOptions } from './request.js'

export type BodyKind = 'none' | 'length' | 'chunked' | 'until-close'

export interface Body {
  readonly kind: BodyKind
  /** As it travels on, framing and all. */
  readonly passes: string
  readonly content: string
}

export interface Message<Head> {
  readonly head: Head
  readonly body: Body
  readonly start: number
  /** Where the body begins. */
  readonly bodyStart: number
  readonly end: number
}

export interface Sequence<Head> {
  readonly messages: readonly Message<Head>[]
  readonly ending: Ending
  /** The head of a last message whose body is cut off or broken. */
  readonly begun: { readonly head: Head; readonly bodyStart: number; readonly kind: BodyKind } | undefined
  /** Up to where the whole messages reach. */
  readonly end: number
  readonly why: string
}

const NO_BODY: Body = { kind: 'none', passes: '', content: '' }

export function readRequests(text: string, options: RequestOptions): Sequence<RequestHead> {
  return readSequence(text, {
    head: (rest) => readRequestHead(rest, options),
    kind: (head) => (head.length.kind === 'length' && head.length.bytes === 0 ? 'none' : head.length.kind),
    body: (rest, head, kind) => readBody(rest, kind, head.length, false, { of: 'request', hop: head.options }),
    after: (head) => (head.close || (head.minor === 0 && !head.keepAlive) ? 'closed' : undefined),
  })
}

export interface AnswerOptions {
  /** Methods of the requests that are answered; bytes behind the last final answer are nobody's. */
  readonly methods: readonly string[]
  /** The sender has ended its side after the text. */
  readonly ended: boolean
  /** How many interim answers may come before one; an origin may send 256. */
  readonly mostInterim?: number
  /** The one request asked to switch to this protocol. */
  readonly upgrade?: string
}

export function readAnswers(
  text: string,
  { methods, ended, mostInterim = 256, upgrade = '' }: AnswerOptions,
): Sequence<AnswerHead> {
  let finals = 0
  let interim = 0
  return readSequence(text, {
    head: (rest) => {
      const head = readAnswerHead(rest)
      if (head.kind !== 'whole') return head
      const { status } = head.value
      if (status === 101) return switchesTo(head.value, upgrade) ? head : refused('another protocol, unasked')
      interim = status < 200 ? interim + 1 : 0
      return interim > mostInterim ? refused('too many interim answers') : head
    },
    kind: (head) => answerKind(head, methods[finals] ?? 'GET'),
    body: (rest, head, kind) => readBody(rest, kind, head.length, ended, { of: 'answer', hop: head.options }),
    after: (head) => {
      if (head.status === 101) return 'switched'
      return head.status >= 200 && (++finals === methods.length || head.close) ? 'closed' : undefined
    },
  })
}

/** RFC 9110 section 7.8: the one protocol that was asked for, named by Connection; HTTP/1.0 has no 101. */
function switchesTo({ minor, options, fields }: AnswerHead, upgrade: string): boolean {
  const [protocol, ...others] = valuesOf(fields, 'upgrade')
  return (
    minor === 1 &&
    options.includes('upgrade') &&
    upgrade !== '' &&
    protocol?.toLowerCase() === upgrade &&
    others.length === 0
  )
}

/** RFC 9112 section 6.3, rules 1 and 4 to 8. */
function answerKind({ status, length }: AnswerHead, method: string): BodyKind {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none'
  if (length.kind === 'none') return 'until-close'
  return length.kind === 'length' && length.bytes === 0 ? 'none' : length.kind
}

function readBody(text: string, kind: BodyKind, length: Length, ended: boolean, rules: TrailerRules): Reading<Body> {
  switch (kind) {
    case 'none':
      return whole(NO_BODY, 0)
    case 'length': {
      const bytes = length.kind === 'length' ? length.bytes : 0
      const raw = text.slice(0, bytes)
      return raw.length < bytes ? OPEN : whole({ kind, passes: raw, content: raw }, bytes)
    }
    case 'chunked': {
      const body: Reading<ChunkedBody> = readChunked(text, rules)
      return body.kind === 'whole' ? whole({ kind, ...body.value }, body.end) : body
    }
    case 'until-close':
      return ended ? whole({ kind, passes: text, content: text }, text.length) : OPEN
  }
}

interface Rules<Head> {
  head(rest: string): Reading<Head>
  kind(head: Head): BodyKind
  body(rest: string, head: Head, kind: BodyKind): Reading<Body>
  /** How the sequence ends with this message, if it does. */
  after(head: Head): Ending | undefined
}

function readSequence<Head>(text: string, rules: Rules<Head>): Sequence<Head> {
  const messages: Message<Head>[] = []
  let at = 0
  const stopped = (ending: Ending, why = '', begun?: Sequence<Head>['begun']): Sequence<Head> => ({
    messages,
    ending,
    begun,
    end: at,
    why,
  })
  while (at < text.length) {
    const head = rules.head(text.slice(at))
    if (head.kind !== 'whole') return stopped(head.kind, head.kind === 'refused' ? head.why : '')
    const bodyStart = at + head.end
    const kind = rules.kind(head.value)
    const body = rules.body(text.slice(bodyStart), head.value, kind)
    if (body.kind !== 'whole') {
      const begun = { head: head.value, bodyStart, kind }
      return stopped(body.kind, body.kind === 'refused' ? body.why : '', begun)
    }
    const end = bodyStart + body.end
    messages.push({ head: head.value, body: body.value, start: at, bodyStart, end })
    at = end
    const ending = rules.after(head.value)
    if (ending !== undefined) return stopped(ending)
  }
  return stopped('end')
}
