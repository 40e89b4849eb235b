// Endpoints and requests as strategies see them, with every number set by the test.
import type { Candidate, Chooser } from '../../../processor/balancing/balancer.js'
import type { Instance } from '../../../shared/registry/instance.js'
import { instanceOf } from '../../kit/instance.js'

export interface Fake extends Candidate {
  instance: Instance
  barred: boolean
  inFlight: number
  latencyMs: number
  weight: number
}

export function fake(name: string, more: Partial<Instance> = {}): Fake {
  const instance = instanceOf(name, more)
  return { id: name, instance, barred: false, inFlight: 0, latencyMs: 0, weight: instance.weight, credit: 0 }
}

/** `s/10.0.0.1:80` and so on. */
export function fakes(count: number, more: Partial<Instance> = {}): Fake[] {
  return Array.from({ length: count }, (_, i) => fake(`s/10.0.0.${i + 1}:80`, more))
}

export interface Asked {
  readonly path?: string
  readonly address?: string
  readonly fields?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
}

export function request({ path = '/', address = '127.0.0.1', fields = {}, query = {} }: Asked = {}): Chooser {
  return { path, address, header: (name) => fields[name], query: (name) => query[name] }
}

/** From 0 up to 1, always the same row. */
export function seeded(seed = 1): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** How often each id comes, `none` for nobody. */
export function count(picks: readonly (Candidate | undefined)[]): Record<string, number> {
  const result: Record<string, number> = {}
  for (const pick of picks) {
    const id = pick?.id ?? 'none'
    result[id] = (result[id] ?? 0) + 1
  }
  return result
}

export function times<T>(many: number, make: (index: number) => T): T[] {
  return Array.from({ length: many }, (_, i) => make(i))
}
