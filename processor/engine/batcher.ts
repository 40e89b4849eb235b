// Sends requests of one tick of the loop that go to the same instance in few writes: several on one connection, their
// answers in the order of the requests. Only while that instance answers fast and evenly: an instance that works a
// pipeline off one by one makes each request wait for those before it.
import type { AnswerSink, UpstreamConnection } from './upstream.js'

/** Requests of one write. Measured at 1, 2, 4, 8, 16: beyond 8 there is nothing more to gain. */
const DEPTH = 8

/** So many answers in a row must be fast before requests share a connection. */
const STREAK = 1000
/** An answer is slow that takes longer than this and than four times the mean. */
const SLOW_MS = 2
const MUCH_SLOWER = 4
/** An instance whose mean is above this has nothing to gain. */
const FAST_MEAN_MS = 1.5
const SMOOTHING = 1 / 64

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
  private mean = 0
  private streak = 0
  private waiting: Batchable[] = []

  /** `acquire` counts one use of the connection per call; `share` counts one more of the same. */
  constructor(
    private readonly acquire: () => UpstreamConnection | undefined,
    private readonly share: () => void,
  ) {}

  /** Whether requests may share connections now. */
  get ready(): boolean {
    return this.streak >= STREAK && this.mean <= FAST_MEAN_MS
  }

  /** An answer's head has come after so long. */
  observe(ms: number): void {
    this.streak = ms > SLOW_MS && ms > this.mean * MUCH_SLOWER ? 0 : this.streak + 1
    this.mean += (ms - this.mean) * SMOOTHING
  }

  /** An attempt has failed. */
  failed(): void {
    this.streak = 0
  }

  add(request: Batchable): void {
    if (this.waiting.push(request) === 1) setImmediate(this.flush)
  }

  private readonly flush = (): void => {
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
  }
}
