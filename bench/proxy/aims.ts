// What the product promises beside nginx, so that a run that breaks a promise says so.
import type { PeerName } from './peers/index.js'
import { cpuPerRequest, ratioOf } from './table.js'
import type { Figure, Row } from './table.js'

export interface Aim {
  readonly peer: PeerName
  /** CPU per request unless told. */
  readonly figure?: Figure
  readonly what?: string
  /** Times the reference of the table, or times `of`. */
  readonly atMost: number
  readonly of?: PeerName
}

/** A line for each aim that these rows miss; proxies that took no part miss none. */
export function misses(aims: readonly Aim[], rows: readonly Row[], reference: Row): string[] {
  const rowOf = (name: PeerName) => rows.find((row) => row.name === name)
  return aims.flatMap(({ peer, figure = cpuPerRequest, what = 'CPU', atMost, of }) => {
    const row = rowOf(peer)
    const other = of === undefined ? reference : rowOf(of)
    if (row === undefined || other === undefined) return []
    const { median } = ratioOf(row, other, figure)
    return median <= atMost ? [] : [`${peer}: ${what} ${median.toFixed(2)} × ${other.name}, at most ${atMost} wanted`]
  })
}
