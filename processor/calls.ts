// Makes a call an exchange like any other, with nobody's connection behind it: its answer is collected, or passed
// on as it comes.
import { type Code, ERRORS, ProxyError } from '../shared/errors.js'
import type { Answer, BodyFeed, Call, Calling, Passing } from './call.js'
import type { Core } from './core.js'
import { Deadline } from './engine/wheel.js'
import { type Client, Exchange, type RequestBody } from './exchange.js'
import { FieldLines, withoutFraming } from './field-lines.js'
import { newTraceparent } from './tracing/trace-context.js'

/** Asks the best instance of a service. `parent`: the exchange on whose behalf. */
export type Caller = (call: Call, parent?: Exchange, passing?: Passing) => Calling

export function createCaller(core: Core): Caller {
  return (call, parent, passing = {}) => {
    const caller = new Collecting(call, parent, passing, core)
    caller.start()
    return { answer: caller.answer, cancel: () => caller.cancel() }
  }
}

/** What a call sends after its fields, and what these say of it. */
interface Content {
  readonly lines: string
  readonly kind: RequestBody
  readonly bytes: Buffer
}

const NOTHING = Buffer.alloc(0)
const LENGTH = /^content-length: *(\d+)/im
const CONTENT_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

const CHUNKED = 'Transfer-Encoding: chunked\r\n'

function contentOf({ method, body = NOTHING, forwarded, sized }: Call, passing: Passing): Content {
  // Whoever is to be told nothing but what was listed is not told the length beforehand, either: so does KrakenD.
  const tells = forwarded !== false || sized === true
  if (passing.body !== undefined) {
    const { length } = passing.body
    return length !== undefined && tells
      ? { lines: `Content-Length: ${length}\r\n`, kind: 'length', bytes: NOTHING }
      : { lines: CHUNKED, kind: 'chunked', bytes: NOTHING }
  }
  const { length } = body
  if (length === 0) {
    // RFC 9110 section 8.6.
    const lines = CONTENT_METHODS.has(method) ? 'Content-Length: 0\r\n' : ''
    return { lines, kind: 'none', bytes: body }
  }
  if (tells) return { lines: `Content-Length: ${length}\r\n`, kind: 'length', bytes: body }
  return { lines: CHUNKED, kind: 'chunked', bytes: Buffer.concat([inChunk(body, 0, length), LAST_CHUNK]) }
}

function inChunk(buf: Buffer, start: number, end: number): Buffer {
  return Buffer.concat([Buffer.from(`${(end - start).toString(16)}\r\n`), buf.subarray(start, end), CRLF])
}

const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

class Collecting implements Client {
  readonly peer: string
  readonly answer: Promise<Answer>
  private readonly content: Content
  private readonly exchange: Exchange
  private resolve!: (answer: Answer) => void
  private reject!: (error: ProxyError) => void
  private readonly deadline = new Deadline(() => this.late())
  private pieces: Buffer[] = []
  private bytes = 0
  private statusText = ''
  private fields = ''
  private taken = false
  private over = false

  constructor(
    private readonly call: Call,
    private readonly parent: Exchange | undefined,
    private readonly passing: Passing,
    private readonly core: Core,
  ) {
    this.peer = parent?.client.peer ?? ''
    this.content = contentOf(call, passing)
    this.exchange = this.createExchange()
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // Whoever has cancelled does not listen any more.
    this.answer.catch(() => undefined)
  }

  private createExchange(): Exchange {
    const { call, parent, core } = this
    const { target } = call
    const id = parent?.id ?? core.requestId()
    const mark = target.indexOf('?')
    const traceparent = parent?.traceparent ?? newTraceparent(false)
    const own = parent?.added ?? `X-Request-Id: ${id}\r\n${core.viaLine(1)}traceparent: ${traceparent}\r\n`
    const exchange = new Exchange(
      this,
      parent?.table ?? core.table,
      id,
      call.method,
      target,
      mark < 0 ? target : target.slice(0, mark),
      parent?.host ?? '',
      // As to a client of HTTP/1.0, the body comes without chunks.
      0,
      call.fields + this.content.lines,
      call.forwarded === false ? '' : own,
      this.content.kind,
      false,
      '',
      false,
      traceparent,
      call.forwarded === false ? undefined : parent?.trace,
      core.wheel.now(),
    )
    exchange.requestDone = exchange.body === 'none'
    return exchange
  }

  start(): void {
    const { call, exchange, core } = this
    const route = exchange.table.routeTo(call.service)
    if (route === undefined) {
      return this.fail(new ProxyError('no-instance', 'internal', 'never', `there is no service "${call.service}"`))
    }
    exchange.route = route
    const { totalMs } = route.timeouts
    const ms = call.timeoutMs > 0 && (totalMs === 0 || call.timeoutMs < totalMs) ? call.timeoutMs : totalMs
    if (ms > 0) core.wheel.set(this.deadline, ms)
    route.forward(exchange)
    if (exchange.requestDone || this.over) return
    if (this.passing.body !== undefined) return this.passing.body.open(this.feed())
    const { bytes } = this.content
    exchange.requestDone = true
    exchange.bytesIn = bytes.length
    exchange.sink?.requestBody(bytes, 0, bytes.length)
    if (!this.over) exchange.sink?.requestEnd()
  }

  // ---- a body that comes while the call is under way

  private feed(): BodyFeed {
    const { exchange, content } = this
    const chunked = content.kind === 'chunked'
    return {
      piece: (buf, start, end) => {
        if (this.over || start === end) return
        exchange.bytesIn += end - start
        if (!chunked) return exchange.sink?.requestBody(buf, start, end)
        const chunk = inChunk(buf, start, end)
        exchange.sink?.requestBody(chunk, 0, chunk.length)
      },
      flush: () => {
        if (!this.over) exchange.sink?.requestPause()
      },
      end: () => {
        if (this.over) return
        exchange.requestDone = true
        if (chunked) exchange.sink?.requestBody(LAST_CHUNK, 0, LAST_CHUNK.length)
        if (!this.over) exchange.sink?.requestEnd()
      },
    }
  }

  // ---- ends

  cancel(): void {
    if (this.over) return
    this.giveUp(new ProxyError('client-gone', 'client', 'never', 'nobody waits for the answer'))
  }

  private late(): void {
    if (this.over) return
    this.exchange.sink?.timedOut()
    this.fail(new ProxyError('answer-timeout', 'upstream', 'never', 'the whole exchange took too long'))
  }

  /** Ends it before its answer is whole. */
  private giveUp(error: ProxyError): void {
    if (this.over) return
    this.exchange.sink?.clientGone()
    this.fail(error)
  }

  // ---- the client's side

  addressIn(added: string): string {
    return this.parent?.client.addressIn(added) ?? ''
  }

  /** What is written to an instance may wait for the whole request, where that is here. */
  get reading(): boolean {
    return this.passing.body?.reading ?? true
  }

  pause(): void {
    this.passing.body?.pause()
  }

  resume(): void {
    this.passing.body?.resume()
  }

  interim(): void {}
  writeText(): void {}

  stalled(): void {
    if (this.taken) this.passing.taker?.stalled()
  }

  flush(): void {
    if (this.taken) this.passing.taker?.flush()
  }

  writeHead(status: number, statusText: string, fields: string, keep: boolean): void {
    const { exchange, core } = this
    const { taker } = this.passing
    exchange.status = status
    exchange.headAt = core.wheel.now()
    this.statusText = statusText
    this.fields = fields
    if (taker === undefined || this.over) return
    // Without a length it would end with its connection, as this is told like a client of HTTP/1.0.
    const length = keep ? Number(LENGTH.exec(fields)?.[1] ?? 0) : undefined
    this.taken = taker.head(this.answerWith(NOTHING), length, () => exchange.sink?.clientDrained())
    // It may have ended there: nobody wants the body of an answer to HEAD.
    if (this.taken && !this.over) this.timeByService()
  }

  /** Who takes it has all the time that the service gives. */
  private timeByService(): void {
    const { core, exchange, deadline } = this
    const { totalMs = 0 } = exchange.route?.timeouts ?? {}
    if (totalMs === 0) return core.wheel.clear(deadline)
    core.wheel.set(deadline, Math.max(1, totalMs - (core.wheel.now() - exchange.startedAt)))
  }

  writeBody(buf: Buffer, start: number, end: number): boolean {
    if (this.over) return true
    this.bytes += end - start
    this.exchange.bytesOut = this.bytes
    if (this.taken) return this.passing.taker?.piece(buf, start, end) ?? true
    if (this.bytes > this.call.mostBytes) {
      this.giveUp(
        new ProxyError('answer-too-large', 'upstream', 'never', `the answer exceeds ${this.call.mostBytes} bytes`),
      )
    } else if (this.call.discards !== true) this.pieces.push(Buffer.from(buf.subarray(start, end)))
    return true
  }

  finish(): void {
    if (this.over) return
    const { pieces } = this
    this.close()
    this.resolve(this.answerWith(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)))
    if (this.taken) this.passing.taker?.end()
  }

  private answerWith(body: Buffer): Answer {
    const { exchange, statusText, fields, core } = this
    const lines = new FieldLines(withoutFraming(fields).replace(core.viaLine(1), ''))
    return { status: exchange.status, statusText, fields: lines, body, instance: exchange.instance }
  }

  abort(code: Code): void {
    this.fail(new ProxyError(code, 'upstream', 'never', ERRORS[code].title))
  }

  fail(error: ProxyError): void {
    if (this.over) return
    this.exchange.error = error.code
    this.close()
    this.reject(error)
    if (this.taken) this.passing.taker?.failed(error)
  }

  switchTo(): void {
    throw new Error('a call switches no protocol')
  }

  private close(): void {
    const { core, exchange } = this
    this.over = true
    core.wheel.drop(this.deadline)
    exchange.answerDone = true
    exchange.sink?.over()
    this.passing.body?.over()
    if (exchange.retries > 0) core.deps.recorder.retried(exchange.retries)
  }
}
