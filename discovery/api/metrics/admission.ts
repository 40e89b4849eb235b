// Which instances get series of their own for their traffic: there may be more instances than any Prometheus should hold.
import type { InstanceRow } from './scrape.js'

/** Some 40 lines each: 10 MB in one scrape. */
export const MOST_INSTANCES = 2_000

/**
 * The instances that are shown, in the order of the registry. All of them while they are few. Of more those with traffic,
 * first come, first served: an instance that is shown stays so until it leaves the registry, for a series that comes and goes
 * is of no use.
 */
export function createAdmission(most = MOST_INSTANCES): (rows: readonly InstanceRow[]) => readonly InstanceRow[] {
  let admitted = new Set<string>()
  return (rows) => {
    if (rows.length <= most) {
      admitted = new Set(rows.map(({ instance }) => instance.id))
      return rows
    }
    const stay = new Set<string>()
    for (const { instance } of rows) if (admitted.has(instance.id)) stay.add(instance.id)
    for (const { instance, count, tried } of rows) {
      if (stay.size >= most) break
      if (count !== undefined || tried !== undefined) stay.add(instance.id)
    }
    admitted = stay
    return rows.filter(({ instance }) => stay.has(instance.id))
  }
}
