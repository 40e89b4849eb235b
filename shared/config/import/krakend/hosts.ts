// The services of an imported config: one for each list of hosts, and for each way in which such a list is treated.
import type { Path } from '../../document.js'
import type { Sketch } from '../sketch.js'

export interface Hosts {
  /** The name of the service with these hosts; `from` is where they stand. */
  service(hosts: readonly string[], from: Path, more?: More): string
}

/** Keys of a service, and where they are said. */
export interface More {
  readonly keys: Readonly<Record<string, unknown>>
  readonly from: Path
  /** Nobody else gets it: a breaker that many share would open for all of them when one fails. */
  readonly own: boolean
}

/** `common`: keys that every service gets. */
export function createHosts(sketch: Sketch, common: Readonly<Record<string, unknown>>): Hosts {
  const names = new Map<string, string>()
  const taken = new Set<string>()

  function nameFor(hosts: readonly string[]): string {
    const plain = nameOf(hosts[0] ?? '')
    let name = plain
    for (let n = 2; taken.has(name); n++) name = `${plain}-${n}`
    taken.add(name)
    return name
  }

  return {
    service(hosts, from, more) {
      const urls = hosts.map(cleanHost)
      const key = JSON.stringify([urls, more?.keys ?? {}])
      const known = more?.own ? undefined : names.get(key)
      if (known !== undefined) return known
      const name = nameFor(urls)
      if (!more?.own) names.set(key, name)
      const path = ['services', name]
      sketch.put(path, {}, from)
      // Twice the same host is a weight of two.
      const weights = new Map<string, { weight: number; from: Path }>()
      urls.forEach((url, i) => {
        const before = weights.get(url)
        weights.set(url, { weight: (before?.weight ?? 0) + 1, from: before?.from ?? [...from, i] })
      })
      for (const [url, { weight, from: at }] of weights)
        sketch.add([...path, 'servers'], weight === 1 ? url : { url, weight }, at)
      for (const [name, value] of Object.entries({ polling: { method: 'tcp' }, ...common }))
        sketch.put([...path, name], value)
      for (const [name, value] of Object.entries(more?.keys ?? {})) sketch.put([...path, name], value, more?.from)
      return name
    },
  }
}

/** KrakenD takes a host without a scheme as http, and drops what stands behind its last slash. */
function cleanHost(host: string): string {
  const trimmed = host.trim().replace(/\/+$/, '')
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`
}

/** `http://users.example.org:8080/v1` becomes `users.example.org-8080-v1`. */
function nameOf(url: string): string {
  const rest = url.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').replace(/^.*@/, '')
  return (
    rest
      .replace(/[^A-Za-z0-9.]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 100) || 'backend'
  )
}
