// The requests of the scenarios, described once for every load, and the origin's paths that answer them.

export interface RequestShape {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly bodyBytes: number
}

export const PATHS = {
  small: '/api/orders/17',
  /** The small answer with the fields that a service among services sends. */
  rich: '/api/orders/rich',
  large: '/api/files/large.bin',
  /** Reads the whole body, then gives the small answer. */
  body: '/api/bodies',
  slow: '/api/orders/slow',
  chat: '/api/chat',
  /** May be kept for an hour. */
  cached: '/api/orders/cached',
  left: '/api/left',
  right: '/api/right',
  /** Of a gateway that puts the two together. */
  both: '/api/both',
} as const

export const LARGE_BYTES = 2 ** 20
export const SLOW_MS = 50

const get = (path: string, headers: Record<string, string> = {}): RequestShape => ({
  method: 'GET',
  path,
  headers,
  bodyBytes: 0,
})

const post = (bodyBytes: number): RequestShape => ({
  method: 'POST',
  path: PATHS.body,
  headers: { 'Content-Type': 'application/octet-stream' },
  bodyBytes,
})

export const SMALL = get(PATHS.small)
export const SLOW = get(PATHS.slow)
export const CACHED = get(PATHS.cached)
export const MERGED = get(PATHS.both)
export const DOWNLOAD = get(PATHS.large)
export const POST_1K = post(1024)
export const UPLOAD = post(LARGE_BYTES)
/** The client says that it will not use the connection again. */
export const LAST = get(PATHS.small, { Connection: 'close' })

/** What one service sends another behind a gateway; with Host, 19 fields. */
export const RICH = get(PATHS.rich, {
  'User-Agent': 'orders-client/4.12.0 (linux; x64) node/20.18',
  Accept: 'application/json',
  'Accept-Encoding': 'gzip, deflate, br',
  'Accept-Language': 'en-GB,en;q=0.9',
  Authorization: `Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.${'c2VydmljZS1hY2NvdW50'.repeat(12)}.${'s1gn'.repeat(64)}`,
  'Cache-Control': 'no-cache',
  Cookie: 'session=4f1c9e0f7f2b4f0f8a5d; theme=dark; region=eu-central-1; consent=1',
  'X-Request-Id': '7f9c1c2e-51b9-4f3c-9a4e-0d2f6d1b7a55',
  'X-Correlation-Id': 'c0a80101-1f2e-4d3c-8b4a-5f6e7d8c9b0a',
  'X-Tenant-Id': 'tenant-000417',
  'X-Client-Version': '4.12.0',
  'X-Feature-Flags': 'new-basket,fast-search,dark-launch-7',
  Traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  Tracestate: 'vendor=opaque-value-1,other=opaque-value-2',
  Baggage: 'userId=alice,serverNode=DF%2028,isProduction=true',
  'If-None-Match': '"33a64df551425fcc55e4d42a148795d9f25f89d4"',
  Origin: 'https://shop.example.org',
  Referer: 'https://shop.example.org/orders/17?tab=items',
})

/** The key is the one of RFC 6455 §1.3, whose answer the origin knows. */
export const HANDSHAKE = get(PATHS.chat, {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
})

/** As bytes for a connection to `port`. */
export function encode({ method, path, headers, bodyBytes }: RequestShape, port: number): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`]
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (bodyBytes > 0) lines.push(`Content-Length: ${bodyBytes}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${'x'.repeat(bodyBytes)}`, 'latin1')
}
