// `mirror`: sends copies of requests elsewhere; the client's own exchange never waits for them and never feels their end.
import type { MirrorOptions } from '../../../shared/config/pipes/mirror.js'
import { withoutFraming } from '../../field-lines.js'
import { createUrlCall } from '../mirror-url.js'
import { definePipe, type Call, type PipeExchange, type PipeTools } from '../pipe.js'

/** More of an answer that nobody reads is not read. */
const MOST_ANSWER_BYTES = 1024 * 1024
/** How often the log is told of copies that were not made. */
const TELL_MS = 10_000

/** Sends a copy; `over` is called once, when nothing of it is left. */
type Send = (copy: Omit<Call, 'service' | 'mostBytes' | 'timeoutMs'>, over: () => void) => void

export default definePipe<MirrorOptions>({
  create(options, tools) {
    const { share, bodyBytes, inFlight } = options
    const methods = new Set(options.methods)
    const drop = dropPattern(options.without)
    const { send, close } = sender(options, tools)
    let underWay = 0
    let copies = 0
    let shed = 0
    let tooLong = 0
    let toldAt = -Infinity
    let told = { shed, tooLong }

    function tell(): void {
      const now = tools.now()
      if (now - toldAt < TELL_MS) return
      toldAt = now
      tools.log.warn({ shed: shed - told.shed, tooLong: tooLong - told.tooLong }, 'requests are not mirrored')
      told = { shed, tooLong }
    }

    function full(): boolean {
      if (underWay < inFlight) return false
      shed++
      tell()
      return true
    }

    function copy(x: Asked, body: Buffer | undefined): void {
      if (full()) return
      underWay++
      copies++
      send({ ...x, ...(body !== undefined && { body }) }, () => underWay--)
    }

    function tooMuch(): void {
      tooLong++
      tell()
    }

    return {
      onRequest(x) {
        if (!methods.has(x.method) || (share < 1 && Math.random() >= share)) return
        const asked = askedOf(x, drop)
        if (x.bodyKind === 'none') return copy(asked, undefined)
        if ((x.bodyLength ?? 0) > bodyBytes) return tooMuch()
        if (full()) return
        collect(x, bodyBytes, (body) => (body === undefined ? tooMuch() : copy(asked, body)))
      },
      metrics: () => ({ copies, shed, too_long: tooLong }),
      gauges: () => ({ under_way: underWay }),
      close,
    }
  },
})

type Asked = Pick<Call, 'method' | 'target' | 'fields'>

/** What the request is now: later pipes may change it, and its exchange may be over when the copy leaves. */
function askedOf(x: PipeExchange, drop: RegExp): Asked {
  const fields = withoutFraming(x.headers.text).replace(drop, '')
  return { method: x.method, target: x.target, fields }
}

/** The copy says for itself whom it is for and what it expects. */
function dropPattern(without: readonly string[]): RegExp {
  const names = ['host', 'expect', ...without.map((name) => name.replace(/[.*+?^$|]/g, '\\$&'))]
  return new RegExp(`^(?:${names.join('|')}):[^\\r\\n]*\\r\\n`, 'gim')
}

/** Gives the whole body to `then`, or undefined where it is longer. A body that was cut off is no body. */
function collect(x: PipeExchange, mostBytes: number, then: (body: Buffer | undefined) => void): void {
  let pieces: Buffer[] | undefined = []
  let bytes = 0
  x.watchBody({
    piece(piece) {
      bytes += piece.length
      if (bytes > mostBytes) pieces = undefined
      else pieces?.push(Buffer.from(piece))
    },
    end(whole) {
      const all = pieces && Buffer.concat(pieces)
      pieces = undefined
      if (whole) then(all)
    },
  })
}

function sender({ target, timeoutMs, inFlight }: MirrorOptions, tools: PipeTools): { send: Send; close: () => void } {
  if ('url' in target) {
    const { call, close } = createUrlCall(target.url, { timeoutMs, connections: inFlight })
    return { send: call, close }
  }
  const { service } = target
  const send: Send = (copy, over) => {
    tools.call({ ...copy, service, timeoutMs, mostBytes: MOST_ANSWER_BYTES }).answer.then(over, over)
  }
  return { send, close: () => undefined }
}
