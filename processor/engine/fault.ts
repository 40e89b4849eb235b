// Every way in which bytes can be refused, as small negative numbers: a parser returns one without allocating.
import type { Code } from '../../shared/errors.js'

interface Fault {
  readonly code: Code
  readonly reason: string
}

const faults: Fault[] = []

function fault(reason: string, code: Code = 'malformed-request'): number {
  faults.push({ code, reason })
  return -faults.length
}

/** A parser's result that is neither an end nor a fault: the message goes on in bytes not here yet. */
export const INCOMPLETE = 0

export const BAD_REQUEST_LINE = fault('the request line is not "method target version"')
export const BAD_METHOD = fault('the method is not a token')
export const UNKNOWN_METHOD = fault('the method is longer than any that is known', 'not-implemented')
export const BAD_TARGET = fault('the target has bytes that no URI has')
export const BAD_VERSION = fault('the version is not HTTP/1.0 or HTTP/1.1')
export const UNSUPPORTED_VERSION = fault('the version is not HTTP/1.0 or HTTP/1.1', 'version-not-supported')
export const URI_TOO_LONG = fault('the target is longer than limits.uri', 'uri-too-long')
export const BARE_LF = fault('a line ends in a bare LF')
export const BARE_CR = fault('a CR stands without its LF')
export const FOLDED_LINE = fault('a field line begins with white space')
export const BAD_FIELD_NAME = fault('a field name is empty or has bytes that no name has')
export const BAD_FIELD_VALUE = fault('a field value has a control byte')
export const TOO_MANY_FIELDS = fault('more fields than limits.fields', 'head-too-large')
export const HEAD_TOO_LARGE = fault('the head is larger than limits.head', 'head-too-large')
export const NO_HOST = fault('there is no Host field')
export const SEVERAL_HOSTS = fault('there is more than one Host field')
export const BAD_HOST = fault('the Host field is not a host with an optional port')
export const BAD_AUTHORITY = fault('the target names no valid http host')
export const BAD_CONTENT_LENGTH = fault('Content-Length is not one plain number')
export const SEVERAL_CONTENT_LENGTHS = fault('there is more than one Content-Length')
export const BAD_TRANSFER_ENCODING = fault('Transfer-Encoding is not exactly "chunked"')
export const UNKNOWN_CODING = fault('the transfer coding is not known here', 'not-implemented')
export const LENGTH_AND_ENCODING = fault('Content-Length and Transfer-Encoding are both there')
export const ENCODING_IN_1_0 = fault('Transfer-Encoding in HTTP/1.0')
export const BAD_CONNECTION = fault('Connection names a field that is not its to remove')
export const BAD_EXPECT = fault('the expectation is not 100-continue', 'expectation-failed')
export const BAD_MAX_FORWARDS = fault('Max-Forwards is not one plain number')
export const BODY_IN_TRACE = fault('TRACE has a body')
export const BODY_TOO_LARGE = fault('the body is larger than limits.body', 'body-too-large')
export const BODY_TOO_SLOW = fault('the body comes more slowly than limits.body_rate', 'request-timeout')
export const NO_TUNNELS = fault('CONNECT is not for a gateway', 'method-not-allowed')
export const BAD_ASTERISK = fault('the target * is for OPTIONS only')

export const BAD_STATUS_LINE = fault('the status line is malformed', 'bad-answer')
export const UNASKED_UPGRADE = fault('the answer switches protocols unasked', 'bad-answer')
export const FRAMED_SWITCH = fault('the answer switches protocols and has a body', 'bad-answer')
export const TOO_MANY_INTERIM = fault('too many interim answers', 'bad-answer')

export const BAD_CHUNK_SIZE = fault('a chunk size is not a plain hexadecimal number')
export const CHUNK_TOO_LARGE = fault('a chunk is larger than 2^52 bytes')
export const BAD_CHUNK_EXTENSION = fault('a chunk extension is too long or has control bytes')
export const BAD_CHUNK_END = fault('chunk data is not followed by CRLF')
export const BAD_TRAILER = fault('a trailer field is malformed or has no place in a trailer')
export const TRAILERS_TOO_LARGE = fault('the trailer is too large')

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
