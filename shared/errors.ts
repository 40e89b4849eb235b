// Which status a failure becomes: the one table, and the error that carries a row of it through the processor.

export type Side = 'client' | 'upstream' | 'pipe' | 'internal'

/** `safe`: nothing of the request has left. `idempotent-only`: it may have been acted upon. */
export type Retry = 'safe' | 'idempotent-only' | 'never'

interface Row {
  readonly status: number
  readonly title: string
  /** `error` parameter of Proxy-Status (RFC 9209 section 2.3), where the failure is between us and the upstream or ours. */
  readonly proxyStatus?: string
  /** The seed's text, which stays in the member `status` of the body. */
  readonly seed?: string
  /** Seconds for Retry-After. */
  readonly retryAfter?: number
}

const table = {
  'malformed-request': { status: 400, title: 'The request is malformed', proxyStatus: 'http_request_error' },
  'ambiguous-path': { status: 400, title: 'The path is ambiguous', proxyStatus: 'http_request_error' },
  'invalid-request': { status: 400, title: 'The request does not fit what is expected here' },
  unauthenticated: { status: 401, title: 'Who asks is not known' },
  forbidden: { status: 403, title: 'This is not allowed' },
  'no-route': {
    status: 404,
    title: 'No route',
    seed: 'No API found with provided endpoint',
    proxyStatus: 'http_request_error',
  },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here', proxyStatus: 'http_request_error' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time', proxyStatus: 'http_request_error' },
  'body-too-large': { status: 413, title: 'The body is too large', proxyStatus: 'http_request_error' },
  'uri-too-long': { status: 414, title: 'The URI is too long', proxyStatus: 'http_request_error' },
  'expectation-failed': { status: 417, title: 'The expectation cannot be met', proxyStatus: 'http_request_error' },
  'too-many-connections': {
    status: 429,
    title: 'Too many connections from one address',
    proxyStatus: 'http_request_error',
    retryAfter: 1,
  },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'head-too-large': { status: 431, title: 'The header fields are too large', proxyStatus: 'http_request_error' },
  internal: { status: 500, title: 'The gateway failed', proxyStatus: 'proxy_internal_error' },
  'pipe-failed': { status: 500, title: 'A pipe of the gateway failed', proxyStatus: 'proxy_internal_error' },
  'pipe-timeout': {
    status: 500,
    title: 'A pipe of the gateway took too long',
    proxyStatus: 'proxy_internal_error',
  },
  'merge-failed': { status: 500, title: 'The parts of the answer could not be had' },
  'not-implemented': { status: 501, title: 'Not supported', proxyStatus: 'http_request_error' },
  'connection-refused': {
    status: 502,
    title: 'The instance refused the connection',
    proxyStatus: 'connection_refused',
  },
  'connection-reset': {
    status: 502,
    title: 'The instance closed the connection',
    proxyStatus: 'connection_terminated',
  },
  'dns-error': { status: 502, title: 'The name of the instance cannot be resolved', proxyStatus: 'dns_error' },
  unreachable: { status: 502, title: 'The instance cannot be reached', proxyStatus: 'destination_ip_unroutable' },
  'tls-error': { status: 502, title: 'The TLS handshake with the instance failed', proxyStatus: 'tls_protocol_error' },
  'tls-certificate': {
    status: 502,
    title: 'The certificate of the instance is not trusted',
    proxyStatus: 'tls_certificate_error',
  },
  'bad-answer': { status: 502, title: 'The answer of the instance is malformed', proxyStatus: 'http_protocol_error' },
  'bad-answer-coding': {
    status: 502,
    title: 'The transfer coding of the answer is malformed',
    proxyStatus: 'http_response_transfer_coding',
  },
  'answer-head-too-large': {
    status: 502,
    title: 'The header fields of the answer are too large',
    proxyStatus: 'http_response_header_section_size',
  },
  'truncated-answer': {
    status: 502,
    title: 'The answer of the instance is incomplete',
    proxyStatus: 'http_response_incomplete',
  },
  'answer-too-large': {
    status: 502,
    title: 'The answer of the instance is too large',
    proxyStatus: 'http_response_body_size',
  },
  'no-instance': {
    status: 503,
    title: 'No instance may take this request',
    proxyStatus: 'destination_unavailable',
    retryAfter: 5,
  },
  'breaker-open': {
    status: 503,
    title: 'The instances are failing and get a rest',
    proxyStatus: 'destination_unavailable',
    retryAfter: 1,
  },
  overload: { status: 503, title: 'Too much load', proxyStatus: 'connection_limit_reached', retryAfter: 1 },
  'connect-timeout': {
    status: 504,
    title: 'The instance did not accept the connection in time',
    proxyStatus: 'connection_timeout',
  },
  'answer-timeout': { status: 504, title: 'The instance did not answer in time', proxyStatus: 'http_response_timeout' },
  'version-not-supported': {
    status: 505,
    title: 'Only HTTP/1.0 and HTTP/1.1 are spoken here',
    proxyStatus: 'http_request_error',
  },
  loop: { status: 508, title: 'The request came back to this gateway', proxyStatus: 'proxy_loop_detected' },
  'client-gone': { status: 499, title: 'The client went away' },
} as const satisfies Record<string, Row>

export type Code = keyof typeof table

export const ERRORS: Readonly<Record<Code, Row>> = table

export const CODES = Object.keys(table) as readonly Code[]

/** A failure of one exchange. `message` is for the log and the client's `detail`: it never holds a secret. */
export class ProxyError extends Error {
  constructor(
    readonly code: Code,
    readonly side: Side,
    readonly retry: Retry,
    message: string,
  ) {
    super(message)
    this.name = 'ProxyError'
  }

  get status(): number {
    return ERRORS[this.code].status
  }
}
