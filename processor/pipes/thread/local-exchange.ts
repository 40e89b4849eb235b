// An exchange inside a pipe's thread: a copy, whose changes are gathered and sent back when the hook is over.
import type { Call, Calling } from '../../call.js'
import { FieldLines } from '../../field-lines.js'
import { queryValue } from '../../routing/request-view.js'
import type { AnswerHead, PipeExchange } from '../pipe.js'
import { bufferOf, bytesOf, type Changes, type ExchangeData, type HeadData } from './wire.js'

export interface ExchangeLinks {
  call(call: Call): Calling
  /** Asks to be told when nobody waits for the exchange any more. */
  listen(aborter: AbortController): void
}

export class LocalExchange implements PipeExchange {
  readonly id: string
  readonly traceId: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly asked: string
  target: string
  readonly address: string
  readonly secure: boolean
  readonly route: string
  readonly service: string
  readonly startedAt: number
  readonly headers: FieldLines
  readonly bodyKind: 'none' | 'length' | 'chunked'
  readonly bodyLength: number | undefined
  readonly state: Map<string, unknown>
  private readonly params: ReadonlyMap<string, string>
  private content: Buffer | undefined
  private newBody: Uint8Array | undefined
  private sentTo: string | undefined
  private aborter: AbortController | undefined

  constructor(
    private readonly data: ExchangeData,
    private readonly links: ExchangeLinks,
  ) {
    this.id = data.id
    this.traceId = data.traceId
    this.method = data.method
    this.host = data.host
    this.path = data.path
    this.asked = data.asked
    this.target = data.target
    this.address = data.address
    this.secure = data.secure
    this.route = data.route
    this.service = data.service
    this.startedAt = data.startedAt
    this.headers = new FieldLines(data.fields)
    this.bodyKind = data.bodyKind
    this.bodyLength = data.bodyLength
    this.state = new Map(data.state)
    this.params = new Map(data.params)
    this.content = data.body && bufferOf(data.body)
  }

  query(name: string): string | undefined {
    return queryValue(this.target, name)
  }

  param(name: string): string | undefined {
    return this.params.get(name)
  }

  get body(): Buffer | undefined {
    return this.content
  }

  setBody(body: Uint8Array | string): void {
    if (this.bodyKind !== 'none' && this.data.body === undefined)
      throw new TypeError('only a pipe that buffers requests may set another body')
    this.newBody = bytesOf(body)
    this.content = bufferOf(this.newBody)
  }

  sendTo(service: string): void {
    this.sentTo = service
  }

  call(call: Call): Calling {
    return this.links.call(call)
  }

  watchBody(): never {
    return notHere('watchBody')
  }

  transformBody(): never {
    return notHere('transformBody')
  }

  get signal(): AbortSignal {
    if (this.aborter === undefined) {
      this.aborter = new AbortController()
      this.links.listen(this.aborter)
    }
    return this.aborter.signal
  }

  /** Since the hook began. */
  changes(): Changes {
    const { data, state, headers, target, newBody, sentTo } = this
    const before = new Map(data.state)
    return {
      ...(target !== data.target && { target }),
      ...(headers.text !== data.fields && { fields: headers.text }),
      ...(newBody && { body: newBody }),
      ...(sentTo !== undefined && { service: sentTo }),
      set: [...state].filter(([key, value]) => isObject(value) || !before.has(key) || before.get(key) !== value),
      deleted: [...before.keys()].filter((key) => !state.has(key)),
    }
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function notHere(name: string): never {
  throw new TypeError(`${name} is not there for a pipe that runs in a thread: ask for a buffer`)
}

export class LocalAnswer implements AnswerHead {
  status: number
  readonly headers: FieldLines
  readonly from: 'instance' | 'gateway'
  readonly error: AnswerHead['error']
  readonly length: number | undefined
  readonly bodiless: boolean
  private content: Buffer | undefined
  private newBody: Uint8Array | undefined

  constructor(private readonly data: HeadData) {
    this.status = data.status
    this.headers = new FieldLines(data.fields)
    this.from = data.from
    this.error = data.error
    this.length = data.length
    this.bodiless = data.bodiless
    this.content = data.body && bufferOf(data.body)
  }

  get body(): Buffer | undefined {
    return this.content
  }

  setBody(body: Uint8Array | string): void {
    // As in the worker: whatever it is, nothing is sent, and a HEAD is no failure of a pipe that rewrites bodies.
    if (this.data.bodiless) return
    if (this.data.body === undefined) throw new TypeError('only a pipe that buffers answers may set another body')
    this.newBody = bytesOf(body)
    this.content = bufferOf(this.newBody)
  }

  transform(): never {
    return notHere('transform')
  }

  watch(): never {
    return notHere('watch')
  }

  changes(): NonNullable<Changes['answer']> {
    const { data, headers, status, newBody } = this
    return {
      status,
      ...(headers.text !== data.fields && { fields: headers.text }),
      ...(newBody && { body: newBody }),
    }
  }
}
