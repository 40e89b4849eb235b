// Passes a part's answer on as it comes, where nothing is read of it: streams, and what is too large to be held.
import type { PartConfig } from '../../../shared/config/merge-model.js'
import type { ProxyError } from '../../../shared/errors.js'
import type { Answer, AnswerTaker } from '../../call.js'
import { asItCame, inChunks, type Passage } from '../../engine/passage.js'
import { hasContent } from '../../engine/reply.js'
import type { Exchange } from '../../exchange.js'
import { isRedirect } from './redirect.js'
import { createUnpacked, type Unpacked } from './unpacked.js'

export interface RelayDeps {
  /** Writes the head, with `framing` among its lines. `keep` false: the body ends with the connection. */
  writeHead(answer: Answer, framing: string, keep: boolean): void
  /** It is this relay that answers from here on. False: the exchange has its answer already. */
  begins(): boolean
  /** Nothing more is to come from the part. */
  ends(): void
}

/** Whether answers of this part may pass on as they come: nothing looks at them whole. */
export function isRelayed(part: PartConfig): boolean {
  return part.cacheBytes === 0 && part.concurrentCalls === 1 && part.require.every(({ on }) => on === 'request')
}

export class Relay implements AnswerTaker {
  private passage: Passage = asItCame
  private unpacked: Unpacked | undefined
  private drainCall: () => void = () => undefined
  private over = false

  /** `ownCoding`: the client did not ask for content codings, the gateway did. */
  constructor(
    private readonly exchange: Exchange,
    private readonly part: PartConfig,
    private readonly ownCoding: boolean,
    private readonly deps: RelayDeps,
  ) {}

  head(answer: Answer, length: number | undefined, drained: () => void): boolean {
    const { exchange, part, ownCoding, deps } = this
    const coding = ownCoding ? answer.fields.get('content-encoding') : undefined
    // What is packed becomes several times as large.
    const mostHeld = coding === undefined ? part.answerBytes : part.answerBytes / 8
    if (length !== undefined && length <= mostHeld) return false
    if (!hasContent(answer.status) || (part.redirects > 0 && isRedirect(answer.status))) return false
    if (!deps.begins()) return false
    this.drainCall = drained
    const bodiless = exchange.method === 'HEAD'
    this.unpacked = coding === undefined ? undefined : this.unpack(coding)
    if (this.unpacked !== undefined) answer.fields.delete('content-encoding')
    const sized = length !== undefined && this.unpacked === undefined
    const chunked = !sized && !bodiless && exchange.minor === 1
    if (chunked) this.passage = inChunks
    const framing = sized ? `Content-Length: ${length}\r\n` : chunked ? 'Transfer-Encoding: chunked\r\n' : ''
    deps.writeHead(answer, framing, sized || chunked || bodiless)
    if (bodiless) this.finish()
    return true
  }

  private unpack(coding: string): Unpacked | undefined {
    return createUnpacked(coding, {
      piece: (buf) => {
        const taken = this.pass(buf, 0, buf.length)
        if (!taken) this.exchange.client.stalled()
        return taken
      },
      flush: () => this.flushClient(),
      drained: () => this.drainCall(),
      end: () => this.finish(),
      failed: () => this.cutOff('bad-answer'),
    })
  }

  piece(buf: Buffer, start: number, end: number): boolean {
    if (this.over) return true
    return this.unpacked === undefined ? this.pass(buf, start, end) : this.unpacked.write(buf, start, end)
  }

  private pass(buf: Buffer, start: number, end: number): boolean {
    return this.over || start === end || this.passage.piece(this.exchange.client, buf, start, end)
  }

  flush(): void {
    if (this.unpacked === undefined) this.flushClient()
  }

  private flushClient(): void {
    if (!this.over) this.exchange.client.flush()
  }

  stalled(): void {
    // Of what is unpacked on the way, the client may have taken all that there is.
    if (!this.over && this.unpacked === undefined) this.exchange.client.stalled()
  }

  end(): void {
    if (this.over) return
    if (this.unpacked === undefined) this.finish()
    else this.unpacked.end()
  }

  private finish(): void {
    if (this.over) return
    this.close()
    const { client, method } = this.exchange
    if (method !== 'HEAD') this.passage.end(client)
    client.finish()
  }

  failed({ code }: ProxyError): void {
    this.cutOff(code)
  }

  private cutOff(code: ProxyError['code']): void {
    if (this.over) return
    this.close()
    this.exchange.client.abort(code)
  }

  /** The client has taken all that was written. */
  clientDrained(): void {
    if (this.unpacked === undefined) this.drainCall()
    else this.unpacked.resume()
  }

  /** Nobody waits for it any more. */
  close(): void {
    if (this.over) return
    this.over = true
    this.unpacked?.destroy()
    this.deps.ends()
  }
}
