// What ours says about itself, asked from outside.
import { request } from '../../test/kit/http.js'
import type { Peer } from './peers/peer.js'

/** JSON of a path of the discovery server. */
export async function ask<T>({ adminPort }: Peer, path: string): Promise<T> {
  return (await request(adminPort ?? 0, 'GET', path)).json() as T
}

type Labels = Readonly<Record<string, string>>

/** The values of a metric, added up over its series that have all of these labels, or those of one of several such sets. */
export async function metric({ adminPort }: Peer, name: string, ...anyOf: readonly Labels[]): Promise<number> {
  const text = (await request(adminPort ?? 0, 'GET', '/metrics')).text()
  const wanted = anyOf.map((labels) => Object.entries(labels).map(([label, value]) => `${label}="${value}"`))
  let sum = 0
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue
    if (wanted.length > 0 && !wanted.some((parts) => parts.every((part) => line.includes(part)))) continue
    sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}

const FAULTS = /"level":"(error|fatal)"|uncaught|unhandled|gets replaced|worker hangs/i

/** The first line of its log that tells of a failure of its own; `none`. */
export function firstError({ process }: Peer): string {
  return (
    process
      .output()
      .split('\n')
      .find((line) => FAULTS.test(line)) ?? 'none'
  )
}
