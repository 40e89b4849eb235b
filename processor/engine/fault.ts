// Every way in which bytes can be refused, as small negative numbers: a parser returns one without allocating.
import type { Code } from '../../shared/errors.js'
import type { Refusal } from '../../shared/metrics/refusals.js'

interface Fault {
  /** What it is counted and logged as where a client has it; undefined where only an instance can. */
  readonly slug: Refusal | undefined
  readonly code: Code
  readonly reason: string
}

const faults: Fault[] = []

function fault(slug: Refusal | undefined, reason: string, code: Code = 'malformed-request'): number {
  faults.push({ slug, code, reason })
  return -faults.length
}

/** One that only an answer can have. */
function answerFault(reason: string): number {
  return fault(undefined, reason, 'bad-answer')
}

/** A parser's result that is neither an end nor a fault: the message goes on in bytes not here yet. */
export const INCOMPLETE = 0

export const BAD_REQUEST_LINE = fault('bad-request-line', 'the request line is not "method target version"')
export const BAD_METHOD = fault('bad-method', 'the method is not a token')
export const UNKNOWN_METHOD = fault('unknown-method', 'the method is longer than any that is known', 'not-implemented')
export const BAD_TARGET = fault('bad-target', 'the target has bytes that no URI has')
export const BAD_VERSION = fault('bad-version', 'the version is not HTTP/1.0 or HTTP/1.1')
export const UNSUPPORTED_VERSION = fault(
  'unsupported-version',
  'the version is not HTTP/1.0 or HTTP/1.1',
  'version-not-supported',
)
export const URI_TOO_LONG = fault('uri-too-long', 'the target is longer than limits.uri', 'uri-too-long')
export const BARE_LF = fault('bare-lf', 'a line ends in a bare LF')
export const BARE_CR = fault('bare-cr', 'a CR stands without its LF')
export const FOLDED_LINE = fault('folded-line', 'a field line begins with white space')
export const BAD_FIELD_NAME = fault('bad-field-name', 'a field name is empty or has bytes that no name has')
export const BAD_FIELD_VALUE = fault('bad-field-value', 'a field value has a control byte')
export const TOO_MANY_FIELDS = fault('too-many-fields', 'more fields than limits.fields', 'head-too-large')
export const HEAD_TOO_LARGE = fault('head-too-large', 'the head is larger than limits.head', 'head-too-large')
export const HEAD_TOO_LATE = fault('head-too-late', 'the head of the request did not arrive in time', 'request-timeout')
export const HEAD_CUT_OFF = fault('head-cut-off', 'the connection ended within the head')
export const NO_HOST = fault('no-host', 'there is no Host field')
export const SEVERAL_HOSTS = fault('several-hosts', 'there is more than one Host field')
export const BAD_HOST = fault('bad-host', 'the Host field is not a host with an optional port')
export const BAD_AUTHORITY = fault('bad-authority', 'the target names no valid http host')
export const BAD_CONTENT_LENGTH = fault('bad-content-length', 'Content-Length is not one plain number')
export const SEVERAL_CONTENT_LENGTHS = fault('several-content-lengths', 'there is more than one Content-Length')
export const BAD_TRANSFER_ENCODING = fault('bad-transfer-encoding', 'Transfer-Encoding is not exactly "chunked"')
export const UNKNOWN_CODING = fault('unknown-coding', 'the transfer coding is not known here', 'not-implemented')
export const LENGTH_AND_ENCODING = fault('length-and-encoding', 'Content-Length and Transfer-Encoding are both there')
export const ENCODING_IN_1_0 = fault('encoding-in-1-0', 'Transfer-Encoding in HTTP/1.0')
export const BAD_CONNECTION = fault('bad-connection', 'Connection names a field that is not its to remove')
export const BAD_EXPECT = fault('bad-expect', 'the expectation is not 100-continue', 'expectation-failed')
export const BAD_MAX_FORWARDS = fault('bad-max-forwards', 'Max-Forwards is not one plain number')
export const BODY_IN_TRACE = fault('body-in-trace', 'TRACE has a body')
export const BODY_TOO_LARGE = fault('body-too-large', 'the body is larger than limits.body', 'body-too-large')
export const BODY_TOO_SLOW = fault(
  'body-too-slow',
  'the body comes more slowly than limits.body_rate',
  'request-timeout',
)
export const BODY_TOO_LATE = fault('body-too-late', 'the body of the request did not arrive in time', 'request-timeout')
export const NO_TUNNELS = fault('no-tunnels', 'CONNECT is not for a gateway', 'method-not-allowed')
export const BAD_ASTERISK = fault('bad-asterisk', 'the target * is for OPTIONS only')

export const BAD_STATUS_LINE = answerFault('the status line is malformed')
export const UNASKED_UPGRADE = answerFault('the answer switches protocols unasked')
export const FRAMED_SWITCH = answerFault('the answer switches protocols and has a body')
export const TOO_MANY_INTERIM = answerFault('too many interim answers')

export const BAD_CHUNK_SIZE = fault('bad-chunk-size', 'a chunk size is not a plain hexadecimal number')
export const CHUNK_TOO_LARGE = fault('chunk-too-large', 'a chunk is larger than 2^52 bytes')
export const BAD_CHUNK_EXTENSION = fault('bad-chunk-extension', 'a chunk extension is too long or has control bytes')
export const BAD_CHUNK_END = fault('bad-chunk-end', 'chunk data is not followed by CRLF')
export const BAD_TRAILER = fault('bad-trailer', 'a trailer field is malformed or has no place in a trailer')
export const TRAILERS_TOO_LARGE = fault('trailers-too-large', 'the trailer is too large')

export function codeOf(result: number): Code {
  return faults[-result - 1]?.code ?? 'internal'
}

/** As `codeOf`, for what an instance has sent. */
export function codeOfAnswer(result: number): Code {
  switch (result) {
    case HEAD_TOO_LARGE:
    case TOO_MANY_FIELDS:
      return 'answer-head-too-large'
    case BAD_TRANSFER_ENCODING:
    case BAD_CHUNK_SIZE:
    case CHUNK_TOO_LARGE:
    case BAD_CHUNK_EXTENSION:
    case BAD_CHUNK_END:
      return 'bad-answer-coding'
    default:
      return 'bad-answer'
  }
}

export function reasonOf(result: number): string {
  return faults[-result - 1]?.reason ?? 'unknown fault'
}

/** What a client is counted and logged under that is refused for it. */
export function slugOf(result: number): Refusal {
  return faults[-result - 1]?.slug ?? 'internal'
}
