// Makes a call an exchange like any other, with nobody's connection behind it: its answer is collected, or taken as it comes.
import { type Code, ERRORS, ProxyError } from '../shared/errors.js'
import type { Answer, AnswerTaker, Call, Calling } from './call.js'
import type { Core } from './core.js'
import { Deadline } from './engine/wheel.js'
import { type Client, Exchange, type RequestBody } from './exchange.js'
import { FieldLines, withoutFraming } from './field-lines.js'
import { newTraceparent } from './tracing/trace-context.js'

/** Asks the best instance of a service. `parent`: the exchange on whose behalf; `taker`: may have the answer as it comes. */
export type Caller = (call: Call, parent?: Exchange, taker?: AnswerTaker) => Calling

export function createCaller(core: Core): Caller {
  return (call, parent, taker) => {
    const caller = new Collecting(call, parent, taker, core)
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

function contentOf({ method, body = NOTHING, forwarded, sized }: Call): Content {
  const { length } = body
  if (length === 0) {
    // RFC 9110 section 8.6.
    const lines = CONTENT_METHODS.has(method) ? 'Content-Length: 0\r\n' : ''
    return { lines, kind: 'none', bytes: body }
  }
  if (forwarded !== false || sized) return { lines: `Content-Length: ${length}\r\n`, kind: 'length', bytes: body }
  // Whoever is to be told nothing but what was listed is not told the length beforehand, either: so does KrakenD.
  const bytes = Buffer.concat([Buffer.from(`${length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
  return { lines: 'Transfer-Encoding: chunked\r\n', kind: 'chunked', bytes }
}

class Collecting implements Client {
  readonly peer: string
  /** What is written to an instance may wait for the whole request. */
  readonly reading = true
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
    private readonly taker: AnswerTaker | undefined,
    private readonly core: Core,
  ) {
    this.peer = parent?.client.peer ?? ''
    this.content = contentOf(call)
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
    const { bytes } = this.content
    exchange.requestDone = true
    exchange.bytesIn = bytes.length
    exchange.sink?.requestBody(bytes, 0, bytes.length)
    if (!this.over) exchange.sink?.requestEnd()
  }

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

  pause(): void {}
  resume(): void {}
  interim(): void {}
  writeText(): void {}

  stalled(): void {
    if (this.taken) this.taker?.stalled()
  }

  flush(): void {
    if (this.taken) this.taker?.flush()
  }

  writeHead(status: number, statusText: string, fields: string, keep: boolean): void {
    const { exchange, core, taker } = this
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
    if (this.taken) return this.taker?.piece(buf, start, end) ?? true
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
    this.end()
    this.resolve(this.answerWith(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)))
    if (this.taken) this.taker?.end()
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
    this.end()
    this.reject(error)
    if (this.taken) this.taker?.failed(error)
  }

  switchTo(): void {
    throw new Error('a call switches no protocol')
  }

  private end(): void {
    const { core, exchange } = this
    this.over = true
    core.wheel.drop(this.deadline)
    exchange.answerDone = true
    exchange.sink?.over()
    if (exchange.retries > 0) core.deps.recorder.retried(exchange.retries)
  }
}
