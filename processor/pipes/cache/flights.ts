// Requests for the same thing at the same time: one goes to the service, the others wait for what becomes of it.

/**
 * `stored`: look again. `alone`: the answer is for one request only. `failed`: there was no good answer. `gone`: who asked did
 * not stay, so another one has to. `late`: it took too long.
 */
export type Landing = 'stored' | 'alone' | 'failed' | 'gone' | 'late'

export interface FlightDeps {
  readonly now: () => number
  readonly after: (ms: number, run: () => void) => () => void
  /** Other workers wait, too: what is for one request only is known from the first time on. */
  readonly others: () => boolean
}

/** URLs whose answers are for one request only are not waited for, for so long. */
const APART_MS = 10_000
/** Characters of their names. */
const MOST_APART = 4_000_000
/** Beyond that they go on their own: each waiting one is memory. */
const MOST_WAITING = 10_000

export class Flight {
  /** Whoever else has to know what became of it. */
  tell: ((landing: Landing) => void) | undefined
  private landed = false
  private readonly waiting = new Set<(landing: Landing) => void>()

  constructor(
    private readonly name: string,
    private readonly flights: Flights,
  ) {}

  /** What became of it; later calls change nothing. */
  land(landing: Landing): void {
    if (this.landed) return
    this.landed = true
    const { flights, waiting, tell } = this
    flights.landed(this.name, this, landing === 'alone' && (waiting.size > 0 || flights.deps.others()))
    tell?.(landing)
    for (const resolve of waiting) resolve(landing)
  }

  wait(ms: number): Promise<Landing> {
    const { flights, waiting } = this
    flights.waiting++
    return new Promise((resolve) => {
      const end = (landing: Landing): void => {
        waiting.delete(end)
        cancel()
        flights.waiting--
        resolve(landing)
      }
      const cancel = flights.deps.after(ms, () => end('late'))
      waiting.add(end)
    })
  }
}

export class Flights {
  waiting = 0
  private readonly open = new Map<string, Flight>()
  private readonly apart = new Map<string, number>()
  private apartCharacters = 0

  constructor(readonly deps: FlightDeps) {}

  /** The one that is under way; undefined also where it is not worth waiting for. */
  find(name: string): Flight | undefined {
    return this.waiting < MOST_WAITING ? this.open.get(name) : undefined
  }

  /** Undefined: nobody is to wait for it. */
  begin(name: string): Flight | undefined {
    if (this.open.has(name) || this.isApart(name)) return undefined
    const flight = new Flight(name, this)
    this.open.set(name, flight)
    return flight
  }

  /** `apart`: somebody has waited for nothing, or would. */
  landed(name: string, flight: Flight, apart: boolean): void {
    if (this.open.get(name) === flight) this.open.delete(name)
    if (apart) this.setApart(name)
  }

  /** For a while nobody waits for this one, or asks for it elsewhere. */
  setApart(name: string): void {
    // In the order of their ends, so that the first is the one to forget.
    this.forget(name)
    this.apart.set(name, this.deps.now() + APART_MS)
    this.apartCharacters += name.length
    for (const oldest of this.apart.keys()) {
      if (this.apartCharacters <= MOST_APART) return
      this.forget(oldest)
    }
  }

  private forget(name: string): void {
    if (this.apart.delete(name)) this.apartCharacters -= name.length
  }

  isApart(name: string): boolean {
    const until = this.apart.get(name)
    if (until === undefined) return false
    if (this.deps.now() < until) return true
    this.forget(name)
    return false
  }

  /** Everybody goes on alone. */
  close(): void {
    for (const flight of [...this.open.values()]) flight.land('failed')
  }
}
