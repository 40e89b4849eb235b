// Sends requests of one tick of the loop that go to the same instance in few writes: several on one connection, their
// answers in the order of the requests. Only while that instance answers fast and evenly: one that works a pipeline off
// one by one makes each request wait for those before it.
import type { AnswerSink, UpstreamConnection } from './upstream.js'
import { asTimer } from './turn.js'

/** Requests of one write. Measured at 1, 2, 4, 8, 16: beyond 8 there is nothing more to gain. */
const DEPTH = 8

/** So many answers in a row must come in their turn before requests share a connection. */
const STREAK = 1000
/**
 * An answer comes out of its turn when it was overtaken by more requests than this and this many times the most that were in
 * flight of late. Counted so and not by the clock, because a clock cannot tell an instance that is slow from a process that was busy.
 */
const FEW = 16
const TURNS = 4
/** The fastest of so many answers says what the instance can do; slower than this it has nothing to gain. */
const WINDOW = 1024
const FAST_MS = 1

/** A request without a body that may be repeated. */
export interface Batchable extends AnswerSink {
  /** Head of the request, with its empty line; undefined: it is not to be sent any more. */
  readonly requestHead: string | undefined
  readonly connectMs: number
  /** It has a connection now. `first`: and no request before it there. */
  sharing(connection: UpstreamConnection, first: boolean): void
  /** There is no connection for it. */
  noConnection(): void
}

export class Batcher {
  private sent = 0
  /** The newest request that has been answered. */
  private newest = 0
  private streak = 0
  private fastestMs = Infinity
  /** Most in flight in this window, and in the one before. */
  private widest = 0
  private widestBefore = 0
  private answers = 0
  private fast = false
  private waiting: Batchable[] = []

  /** `acquire` counts one use of the connection per call; `share` counts one more of the same. */
  constructor(
    private readonly acquire: () => UpstreamConnection | undefined,
    private readonly share: () => void,
  ) {}

  /** Whether requests may share connections now. */
  get ready(): boolean {
    return this.fast && this.streak >= STREAK
  }

  /** A request goes out: its turn. */
  takeTurn(): number {
    return ++this.sent
  }

  /** The head of an answer has come after so long, with so many requests in flight. */
  answered(turn: number, ms: number, inFlight: number): void {
    const overtaken = this.newest - turn
    if (inFlight > this.widest) this.widest = inFlight
    if (overtaken < 0) this.newest = turn
    const most = Math.max(this.widest, this.widestBefore)
    this.streak = overtaken > FEW + TURNS * most ? 0 : this.streak + 1
    if (ms < this.fastestMs) this.fastestMs = ms
    if (++this.answers < WINDOW) return
    this.fast = this.fastestMs <= FAST_MS
    this.fastestMs = Infinity
    this.widestBefore = this.widest
    this.widest = this.answers = 0
  }

  /** An attempt has failed, or a request had to wait too long behind another. */
  failed(): void {
    this.streak = 0
  }

  add(request: Batchable): void {
    if (this.waiting.push(request) === 1) setImmediate(this.flush)
  }

  private readonly flush = asTimer(() => {
    const waiting = this.waiting
    this.waiting = []
    let connection: UpstreamConnection | undefined
    let text = ''
    let depth = 0
    for (const request of waiting) {
      const { requestHead } = request
      if (requestHead === undefined) continue
      if (connection === undefined || depth === DEPTH) {
        connection?.writer.text(text)
        connection = this.acquire()
        text = ''
        depth = 0
        if (connection === undefined) {
          request.noConnection()
          continue
        }
        connection.begin(request, request.connectMs)
      } else {
        this.share()
        connection.follow(request)
      }
      request.sharing(connection, depth === 0)
      text += requestHead
      depth++
    }
    connection?.writer.text(text)
  })
}
