// Names to addresses for every probe: instances of one name that are polled together cost one look-up.
import { lookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'

type Answer = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void

export interface Resolver {
  /** For the `lookup` option of sockets. */
  readonly lookup: LookupFunction
  /** First address of `host`, which may be one itself. Rejects as `dns.lookup` does. */
  address(host: string): Promise<string>
}

/** Nothing is cached: the system's resolver does that where it is wanted. */
export function createResolver(): Resolver {
  const underWay = new Map<string, Answer[]>()

  // The system resolver has four threads for the whole process, so equal questions are asked once at a time.
  function ask(host: string, family: number, answer: Answer): void {
    const key = `${family} ${host}`
    const waiting = underWay.get(key)
    if (waiting) {
      waiting.push(answer)
      return
    }
    underWay.set(key, [answer])
    lookup(host, { all: true, family }, (error, addresses) => {
      const answers = underWay.get(key) ?? []
      underWay.delete(key)
      for (const each of answers) each(error, addresses)
    })
  }

  const family = (wanted: unknown): number =>
    wanted === 4 || wanted === 'IPv4' ? 4 : wanted === 6 || wanted === 'IPv6' ? 6 : 0

  return {
    lookup(host, options, callback) {
      ask(host, family(options.family), (error, addresses) => {
        const first = addresses?.[0]
        if (error || !first) callback(error ?? notFound(host), '', 0)
        else if (options.all) callback(null, [...addresses])
        else callback(null, first.address, first.family)
      })
    },

    address: (host) =>
      new Promise((resolve, reject) => {
        if (isIP(host)) return resolve(host)
        ask(host, 0, (error, addresses) => {
          const first = addresses?.[0]
          if (error || !first) reject(error ?? notFound(host))
          else resolve(first.address)
        })
      }),
  }
}

function notFound(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address for ${host}`), { code: 'ENOTFOUND' })
}
