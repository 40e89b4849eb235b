// `mirror`: sends copies of requests elsewhere; the client's own exchange never waits for them and never feels their end.
import type { MirrorOptions } from '../../../shared/config/pipes/mirror.js'
import type { Call } from '../../call.js'
import { withoutFraming } from '../../field-lines.js'
import { createUrlCall } from '../mirror-url.js'
import { definePipe, type PipeExchange, type PipeTools } from '../pipe.js'

/** More of an answer that nobody reads is not read. */
const MOST_ANSWER_BYTES = 1024 * 1024
/** For a body that has begun to come. */
const LEAST_ROOM = 1024
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
    /** Of bodies that are not whole: slow clients must not have it grow with their number. */
    const mostHeld = inFlight * bodyBytes
    let held = 0
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

    function shedOne(): void {
      shed++
      tell()
    }

    function full(): boolean {
      if (underWay < inFlight) return false
      shedOne()
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

    /** Gives the whole body to `then`, unless it is too long or all of them are. A body that was cut off is no body. */
    function collect(x: PipeExchange, then: (body: Buffer) => void): void {
      // One room for all of it: a client may send any number of pieces of one byte.
      let room: Buffer | undefined = Buffer.alloc(0)
      let bytes = 0
      const drop = (): void => {
        held -= room?.length ?? 0
        room = undefined
      }
      x.watchBody({
        piece(piece) {
          if (room === undefined) return
          const needed = bytes + piece.length
          if (needed > room.length) {
            const more = Buffer.allocUnsafe(Math.min(bodyBytes, Math.max(LEAST_ROOM, 2 * needed)))
            const tooLong = needed > bodyBytes
            if (tooLong || held - room.length + more.length > mostHeld) {
              drop()
              return tooLong ? tooMuch() : shedOne()
            }
            room.copy(more, 0, 0, bytes)
            held += more.length - room.length
            room = more
          }
          piece.copy(room, bytes)
          bytes = needed
        },
        end(whole) {
          const all = room?.subarray(0, bytes)
          drop()
          if (whole && all !== undefined) then(all)
        },
      })
    }

    return {
      onRequest(x) {
        if (!methods.has(x.method) || (share < 1 && Math.random() >= share)) return
        const asked = askedOf(x, drop)
        if (x.bodyKind === 'none') return copy(asked, undefined)
        if ((x.bodyLength ?? 0) > bodyBytes) return tooMuch()
        if (full()) return
        collect(x, (body) => copy(asked, body))
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

function sender({ target, timeoutMs, inFlight }: MirrorOptions, tools: PipeTools): { send: Send; close: () => void } {
  if ('url' in target) {
    const { call, close } = createUrlCall(target.url, { timeoutMs, connections: inFlight })
    return { send: call, close }
  }
  const { service } = target
  const send: Send = (copy, over) => {
    tools.call({ ...copy, service, timeoutMs, mostBytes: MOST_ANSWER_BYTES, discards: true }).answer.then(over, over)
  }
  return { send, close: () => undefined }
}
