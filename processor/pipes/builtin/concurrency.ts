// Lets only so many requests be in flight at once; some may wait for a place.
import type { ConcurrencyOptions } from '../../../shared/config/pipes/concurrency.js'
import { keyReader, namesOf } from '../count-key.js'
import { definePipe, type Pipe, type PipeExchange, type PipeTools, type Reply } from '../pipe.js'
import { refuse } from '../refusing.js'

/** Those that are counted together; there is one only while somebody is in it. */
interface Group {
  readonly key: string
  inFlight: number
  /** In the order in which they came. */
  readonly waiting: Set<Place>
}

/** One exchange's place: held, waited for, or given back. */
interface Place {
  readonly group: Group
  /** While it waits. */
  called: ((reply?: Reply) => void) | undefined
  held: boolean
}

const KEYLESS = '\n'
let made = 0

export default definePipe<ConcurrencyOptions>({
  create: (options, tools) => new Concurrency(options, tools),
})

class Concurrency implements Pipe {
  private readonly groups = new Map<string, Group>()
  private readonly keyOf: (x: PipeExchange) => string | undefined
  private readonly missing: string
  private waited = 0
  private refused = 0
  private inFlight = 0
  private waiting = 0
  /** Where an exchange keeps its place: several of these pipes may stand on its way. */
  private readonly mark = `concurrency.${++made}`

  constructor(
    private readonly options: ConcurrencyOptions,
    private readonly tools: PipeTools,
  ) {
    this.keyOf = keyReader(options.by)
    this.missing = `this request lacks what requests are counted by: ${namesOf(options.by)}`
  }

  /** This worker's share of the limit: rounded up, so that nobody is left without one. */
  private get most(): number {
    const { limit, scope } = this.options
    return scope === 'worker' ? limit : Math.ceil(limit / this.tools.workers)
  }

  onRequest(x: PipeExchange): Reply | void | Promise<Reply | void> {
    const { withoutKey, queue } = this.options
    let key = this.keyOf(x)
    if (key === undefined) {
      if (withoutKey === 'pass') return undefined
      if (withoutKey === 'refuse') return refuse(x, 'invalid-request', this.missing)
      key = KEYLESS
    }
    let group = this.groups.get(key)
    if (group === undefined) this.groups.set(key, (group = { key, inFlight: 0, waiting: new Set() }))
    const place: Place = { group, called: undefined, held: false }
    if (group.inFlight < this.most) {
      x.state.set(this.mark, place)
      this.enter(place)
      return undefined
    }
    if (group.waiting.size >= queue) return this.refusal(x, 'too many requests are in flight here')
    x.state.set(this.mark, place)
    return this.wait(x, place)
  }

  private enter(place: Place): void {
    place.group.inFlight++
    this.inFlight++
    place.held = true
  }

  private wait(x: PipeExchange, place: Place): Promise<Reply | void> {
    const { queueMs } = this.options
    return new Promise((resolve) => {
      const cancel = this.tools.after(queueMs, () => {
        place.called?.(this.refusal(x, 'no place became free in time'))
      })
      place.called = (reply) => {
        cancel()
        place.called = undefined
        place.group.waiting.delete(place)
        this.waiting--
        resolve(reply)
      }
      place.group.waiting.add(place)
      this.waiting++
      this.waited++
    })
  }

  private refusal(x: PipeExchange, detail: string): Reply {
    this.refused++
    return refuse(x, 'overload', detail, { 'Retry-After': '1' }, { status: this.options.status })
  }

  onDone(x: PipeExchange): void {
    const place = x.state.get(this.mark) as Place | undefined
    if (place === undefined) return
    const { group } = place
    x.state.delete(this.mark)
    // Its client went away, or its time was up.
    place.called?.()
    if (place.held) {
      place.held = false
      group.inFlight--
      this.inFlight--
      this.callNext(group)
    }
    const empty = group.inFlight === 0 && group.waiting.size === 0
    // Another one may have begun since.
    if (empty && this.groups.get(group.key) === group) this.groups.delete(group.key)
  }

  metrics(): Readonly<Record<string, number>> {
    return { waited: this.waited, refused: this.refused }
  }

  gauges(): Readonly<Record<string, number>> {
    return { in_flight: this.inFlight, waiting: this.waiting }
  }

  private callNext(group: Group): void {
    const { most } = this
    for (const next of group.waiting) {
      if (group.inFlight >= most) return
      this.enter(next)
      next.called?.()
    }
  }
}
