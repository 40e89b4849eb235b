// Requests to endpoints of known speed in simulated time: what a strategy makes of latencies and of what is in flight.
import type { Balancer, Candidate } from '../../../processor/balancing/balancer.js'
import { fallenLatency, peakLatency } from '../../../processor/balancing/peak-latency.js'
import { fake, request, seeded } from './candidates.js'

/** As one would serve, with its peak latency kept as an endpoint keeps it. */
class Server implements Candidate {
  readonly id: string
  readonly instance
  barred = false
  inFlight = 0
  weight
  credit = 0
  served = 0
  private peakMs = 0
  private peakAt = 0

  constructor(
    index: number,
    public serviceMs: number,
    weight: number,
    private readonly now: () => number,
  ) {
    const { id, instance } = fake(`s/10.0.0.${index + 1}:80`, { weight })
    this.id = id
    this.instance = instance
    this.weight = weight
  }

  get latencyMs(): number {
    return fallenLatency(this.peakMs, this.now() - this.peakAt)
  }

  answered(ms: number): void {
    this.inFlight--
    this.served++
    this.peakMs = peakLatency(this.peakMs, ms, this.now() - this.peakAt)
    this.peakAt = this.now()
  }
}

export type Load =
  | { readonly kind: 'closed'; readonly clients: number }
  /** Requests come at random, whatever becomes of those before. */
  | { readonly kind: 'open'; readonly perSecond: number }

export interface Simulation {
  /** Milliseconds that each server takes, give or take a quarter. */
  readonly serviceMs: readonly number[]
  readonly weights?: readonly number[]
  readonly load: Load
  readonly requests: number
  /** Called before each request is sent. */
  readonly before?: (nowMs: number, servers: readonly Server[]) => void
}

interface Event {
  readonly at: number
  readonly run: () => void
}

/** How many of the requests went to each server. */
export function simulate(
  createBalancer: (tier: readonly Server[], random: () => number) => Balancer<Server>,
  { serviceMs, weights, load, requests, before }: Simulation,
): number[] {
  const random = seeded(serviceMs.length)
  let now = 0
  const events: Event[] = []
  const servers = serviceMs.map((ms, i) => new Server(i, ms, weights?.[i] ?? 1, () => now))
  const balancer = createBalancer(servers, random)
  const sent = new Map<Server, number>()
  let left = requests

  function send(): void {
    if (left-- <= 0) return
    before?.(now, servers)
    const server = balancer.pick(request(), [])
    if (server === undefined) throw new Error('nobody was picked')
    sent.set(server, (sent.get(server) ?? 0) + 1)
    server.inFlight++
    const ms = server.serviceMs * (0.75 + random() / 2)
    events.push({
      at: now + ms,
      run: () => {
        server.answered(ms)
        if (load.kind === 'closed') send()
      },
    })
  }

  function arrive(perSecond: number): void {
    send()
    const pauseMs = (-Math.log(1 - random()) * 1000) / perSecond
    if (left > 0) events.push({ at: now + pauseMs, run: () => arrive(perSecond) })
  }

  if (load.kind === 'open') arrive(load.perSecond)
  else for (let i = 0; i < load.clients; i++) send()
  while (events.length > 0) {
    const next = events.reduce((a, b) => (b.at < a.at ? b : a))
    events.splice(events.indexOf(next), 1)
    now = next.at
    next.run()
  }
  return servers.map((server) => sent.get(server) ?? 0)
}
