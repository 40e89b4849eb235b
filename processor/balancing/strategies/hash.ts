// Weighted rendezvous hashing: requests with the same key go to the same endpoint. Each endpoint draws a number from the key
// and its own id, and the best number wins; so when one goes only its keys move, and they come back with it.
import type { HashKey } from '../../../shared/config/model.js'
import { type Balancer, type BalancerDeps, type Candidate, type Chooser, mayTake, weighAlike } from '../balancer.js'
import { findCookie } from '../cookies.js'
import { createRoundRobin } from './round-robin.js'

export function createHash<C extends Candidate>(tier: readonly C[], by: HashKey, deps: BalancerDeps = {}): Balancer<C> {
  const keyOf = keyReader(by)
  const keyless = createRoundRobin(tier, deps)
  const alike = weighAlike(tier, deps)
  const seeds = Uint32Array.from(tier, (candidate) => hashOf(candidate.id))
  return {
    pick(request, tried) {
      const key = keyOf(request)
      if (key === undefined || key === '') return keyless.pick(request, tried)
      const hash = hashOf(key)
      let best: C | undefined
      let most = -Infinity
      for (let i = 0; i < tier.length; i++) {
        const candidate = tier[i]
        if (candidate === undefined || !mayTake(candidate, tried)) continue
        const drawn = mix(hash ^ (seeds[i] ?? 0))
        // ln(u)/w of an even u in (0, 1): the largest belongs to a candidate with the chance of its weight. The order among
        // equal weights is that of u alone.
        const score = alike ? drawn : Math.log((drawn + 0.5) / 2 ** 32) / candidate.weight
        if (score > most) {
          best = candidate
          most = score
        }
      }
      return best
    },
  }
}

function keyReader(by: HashKey): (request: Chooser) => string | undefined {
  switch (by.on) {
    case 'ip':
      return (request) => request.address
    case 'path':
      return (request) => request.path
    case 'header': {
      const name = by.name.toLowerCase()
      return (request) => request.header(name)
    }
    case 'query':
      return (request) => request.query(by.name)
    case 'cookie':
      return (request) => findCookie(request.header('cookie') ?? '', by.name, (value) => value || undefined)
  }
}

// The steps of MurmurHash3 over UTF-16 units: even enough for shares, quick for short keys, and not meant against an attacker.
function hashOf(text: string): number {
  let hash = text.length
  for (let i = 0; i < text.length; i++) {
    let unit = Math.imul(text.charCodeAt(i), 0xcc9e2d51)
    unit = (unit << 15) | (unit >>> 17)
    hash ^= Math.imul(unit, 0x1b873593)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  return mix(hash)
}

// Its last step: each bit of the input changes half the bits of the output.
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
