// What the pipes of a route see of a request, and may change in it.
import type { Duplex } from 'node:stream'
import type { Call, Calling } from '../call.js'
import type { Core } from '../core.js'
import type { Client, Exchange } from '../exchange.js'
import { FieldLines, withoutFraming } from '../field-lines.js'
import type { Route } from '../routing/table.js'
import { fieldValue, queryValue } from '../routing/request-view.js'
import { putOff } from './alone.js'
import { asBytes } from './as-bytes.js'
import { TARGET } from './checked-call.js'
import { guarded, type WatchingOwner } from './guarded-watcher.js'
import type { BodyWatcher, PipeExchange } from './pipe.js'
import { textOf } from './step.js'
import { bear, discard, isStream } from './users-stream.js'

const FRAMING = /^(?:Content-Length|Transfer-Encoding): /

const NONE: readonly never[] = []

export abstract class RequestSide implements PipeExchange, WatchingOwner {
  /** The client's connection. */
  protected readonly real: Client
  readonly asked: string
  private lines: FieldLines | undefined
  /** The line that frames the body: no pipe's to see or to change. */
  private framing = ''
  private bag: Map<string, unknown> | undefined
  private aborter: AbortController | undefined
  private gone = false
  /** The client's body, for a pipe that asked for it. */
  protected content: Buffer | undefined
  /** In place of the client's. */
  protected newBody: Buffer | undefined
  protected watchers: BodyWatcher[] | readonly never[] = NONE
  protected transforms: Duplex[] | readonly never[] = NONE
  /** A pipe has chosen another service. */
  protected moved = false

  constructor(
    readonly exchange: Exchange,
    protected readonly core: Core,
  ) {
    this.real = exchange.client
    this.asked = exchange.target
  }

  get id(): string {
    return this.exchange.id
  }

  get traceId(): string {
    return this.exchange.traceId
  }

  get method(): string {
    return this.exchange.method
  }

  get host(): string {
    return this.exchange.host
  }

  get path(): string {
    return this.exchange.path
  }

  get address(): string {
    return this.exchange.address
  }

  get secure(): boolean {
    return fieldValue(this.exchange.added, 'x-forwarded-proto') === 'https'
  }

  get route(): string {
    return this.exchange.route?.id ?? ''
  }

  get service(): string {
    return this.exchange.route?.service ?? ''
  }

  get startedAt(): number {
    return this.exchange.startedAt
  }

  get target(): string {
    return this.exchange.target
  }

  set target(target: string) {
    // What the client itself has sent so goes on so: a pipe that takes a parameter out of it has done nothing wrong.
    const doubled = target.startsWith('//') && !this.exchange.target.startsWith('//')
    if (!TARGET.test(target) || doubled)
      throw new TypeError('a target begins with one "/" and holds no spaces, "#" or control bytes')
    this.exchange.target = target
  }

  get headers(): FieldLines {
    return (this.lines ??= this.splitFields())
  }

  /** Some pipe has looked at the fields. */
  protected get looked(): boolean {
    return this.lines !== undefined
  }

  // The engine writes the framing last.
  private splitFields(): FieldLines {
    const { fields } = this.exchange
    const at = fields.length < 2 ? 0 : fields.lastIndexOf('\r\n', fields.length - 3) + 2
    const last = at < 2 ? 0 : at
    if (!FRAMING.test(fields.slice(last))) return new FieldLines(fields)
    this.framing = fields.slice(last)
    return new FieldLines(fields.slice(0, last))
  }

  query(name: string): string | undefined {
    return queryValue(this.exchange.target, name)
  }

  param(name: string): string | undefined {
    const pattern = this.exchange.route?.match.path
    const index = pattern?.split('/').indexOf(`{${name}}`) ?? -1
    return index < 0 ? undefined : this.exchange.path.split('/')[index]
  }

  get body(): Buffer | undefined {
    return this.newBody ?? this.content
  }

  get bodyKind(): 'none' | 'length' | 'chunked' {
    return this.exchange.body
  }

  get bodyLength(): number | undefined {
    const { exchange } = this
    if (exchange.body === 'chunked') return undefined
    return exchange.body === 'none' ? 0 : Number(fieldValue(exchange.fields, 'content-length'))
  }

  setBody(body: Uint8Array | string): void {
    if (this.exchange.body !== 'none' && this.content === undefined)
      throw new TypeError('only a pipe that buffers requests may set another body')
    this.newBody = asBytes(body)
  }

  watchBody(watcher: BodyWatcher): void {
    if (this.exchange.body === 'none') return watcher.end(true)
    if (this.watchers === NONE) this.watchers = []
    ;(this.watchers as BodyWatcher[]).push(guarded(watcher, this))
  }

  transformBody(stream: Duplex): void {
    if (!isStream(stream)) throw new TypeError('a body passes through a stream of Node only')
    bear(stream, this)
    if (this.exchange.body === 'none') return discard(stream)
    if (this.transforms === NONE) this.transforms = []
    ;(this.transforms as Duplex[]).push(stream)
  }

  sendTo(service: string): void {
    const { exchange } = this
    const route: Route | undefined = exchange.table.routeTo(service, exchange.route)
    if (route === undefined) throw new TypeError(`there is no service ${JSON.stringify(service)}`)
    exchange.route = route
    this.moved = true
  }

  abstract call(call: Call): Calling

  /** Whoever watched a body has thrown. */
  threw(error: unknown): void {
    this.core.deps.log.error({ request: this.exchange.id, error: textOf(error) }, 'a pipe failed as it watched a body')
  }

  /** Code that ran for it was ended from outside. */
  abstract stuck(name: string): void

  /** Lets go of what pipes have set upon a body that may never have come. */
  protected endRequest(): void {
    for (const watcher of this.watchers) watcher.end(false)
    for (const stream of this.transforms) discard(stream)
  }

  get state(): Map<string, unknown> {
    return (this.bag ??= new Map())
  }

  get signal(): AbortSignal {
    this.aborter ??= new AbortController()
    if (this.gone) this.aborter.abort()
    return this.aborter.signal
  }

  protected endSignal(): void {
    this.gone = true
    const { aborter } = this
    if (aborter !== undefined) putOff(() => aborter.abort())
  }

  /** The gateway takes the body itself: a client that waits for that is told. */
  protected acceptBody(): void {
    const { exchange } = this
    if (!exchange.expectsContinue) return
    exchange.expectsContinue = false
    this.headers.text = this.headers.text.replace(/^expect:[^\r\n]*\r\n/gim, '')
    this.real.interim('100 Continue', '')
  }

  /** Writes what has been changed into the exchange: the handler goes by that. */
  protected settleRequest(): void {
    const { exchange, newBody, transforms, lines } = this
    if (lines !== undefined) exchange.fields = lines.text + this.framing
    if (newBody !== undefined) {
      exchange.body = newBody.length === 0 ? 'none' : 'length'
      exchange.fields = `${withoutFraming(exchange.fields)}Content-Length: ${newBody.length}\r\n`
    }
    if (transforms.length > 0) {
      exchange.body = 'chunked'
      exchange.fields = `${withoutFraming(exchange.fields)}Transfer-Encoding: chunked\r\n`
    }
  }
}
