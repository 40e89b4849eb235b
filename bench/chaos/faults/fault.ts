// What a fault is: something that is done to the instances while clients go on, and undone after a while.
import type { Cluster } from '../cluster.js'

export interface Fault {
  readonly title: string
  /** Processes that have to be at hand to take the place of those that it ends. */
  readonly spares?: number
  /** Share of the GETs since it began that the gateway may lose, 0 to 1; undefined: no bound but the other proxies. */
  readonly mostLost?: number
  /** Resolves when everything is repaired. */
  run(cluster: Cluster, forMs: number): Promise<void>
}
