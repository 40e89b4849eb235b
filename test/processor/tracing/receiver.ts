// A receiver of OTLP over HTTP on a real socket, that answers as a test says.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code?: number }
  readonly attributes: readonly {
    readonly key: string
    readonly value: { readonly stringValue?: string; readonly intValue?: string; readonly boolValue?: boolean }
  }[]
}

export interface Export {
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

export interface Receiver {
  readonly url: string
  readonly exports: readonly Export[]
  /** Of all exports that were answered with 200, in their order. */
  spans(): Span[]
}

interface Answer {
  readonly status: number
  readonly headers?: http.OutgoingHttpHeaders
}

/** `answer` gets the number of the request, from 1; undefined: it never answers. */
export async function startReceiver(
  t: TestContext,
  answer: (number: number) => Answer | undefined = () => ({ status: 200 }),
): Promise<Receiver> {
  const exports: Export[] = []
  const taken: Export[] = []
  const server = http.createServer((req, res) => {
    let body = ''
    req.setEncoding('utf8').on('data', (text: string) => (body += text))
    req.on('end', () => {
      const one = { path: req.url ?? '', headers: req.headers, body }
      exports.push(one)
      const given = answer(exports.length)
      if (given === undefined) return
      if (given.status === 200) taken.push(one)
      res.writeHead(given.status, given.headers).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exports,
    spans: () => taken.flatMap(({ body }) => spansIn(body)),
  }
}

interface Body {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[]
}

function spansIn(body: string): Span[] {
  return (JSON.parse(body) as Body).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
}

/** A span's attributes as an object, whole numbers as numbers. */
export function attributesOf(span: Span | undefined): Record<string, string | number | boolean | undefined> {
  return Object.fromEntries(
    (span?.attributes ?? []).map(({ key, value }) => [
      key,
      value.intValue === undefined ? (value.stringValue ?? value.boolValue) : Number(value.intValue),
    ]),
  )
}
