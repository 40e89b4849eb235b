// The instances of a running server, and which one of them is meant by what was typed.
import { CommandFailure, type DiscoveryClient } from './discovery-client.js'

/** Of the answer of /api/v1/instances, what the commands use. */
export interface InstanceRow {
  readonly id: string
  readonly service: string
  readonly url: string
  readonly health: string
  readonly override: string | null
  readonly priority: string
  readonly latency_ms: number | null
  readonly last_checked_at: string | null
  readonly requests: number
  readonly reason: string
  readonly ejected_by: readonly { readonly worker: string }[]
  readonly polling_disputed: boolean
  readonly flapping: boolean
}

/** All of them, in the order of the config. */
export async function readInstances(client: DiscoveryClient): Promise<InstanceRow[]> {
  const instances: InstanceRow[] = []
  let cursor: string | undefined
  do {
    const query = { limit: '1000', ...(cursor !== undefined && { cursor }) }
    const page = await readList<InstanceRow>(client, '/api/v1/instances', query)
    instances.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  return instances
}

export async function readList<T>(client: DiscoveryClient, path: string, query: Readonly<Record<string, string>> = {}) {
  const body = await client.get(path, query)
  if (typeof body === 'object' && body !== null && 'items' in body && Array.isArray(body.items)) {
    return body as { readonly items: readonly T[]; readonly cursor?: string }
  }
  throw new CommandFailure([`the discovery server at ${client.name} answered something else than a list`], 1)
}

/**
 * The id that `given` stands for: an id, an address as the config spells it, or `host:port`. Itself where it fits none: the
 * server knows what it resembles. Throws a CommandFailure with all of them where it fits several.
 */
export function instanceMeant(given: string, instances: readonly InstanceRow[]): string {
  const bare = given.replace(/^https?:\/\//i, '').replace(/\/+$/, '')
  const address = ({ id, service }: InstanceRow) => id.slice(service.length + 1)
  const readings: readonly ((row: InstanceRow) => boolean)[] = [
    ({ id }) => id === given,
    (row) => row.url === given || address(row) === bare,
    (row) => address(row).split('/', 1)[0] === bare,
  ]
  for (const fits of readings) {
    const found = instances.filter(fits)
    if (found.length === 1) return found[0]?.id ?? given
    if (found.length > 1) {
      throw new CommandFailure([`${given} may be any of these; name one by its id:`, ...found.map(({ id }) => id)], 1)
    }
  }
  return given
}
