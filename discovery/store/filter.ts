// What the filters of queries mean, for every engine.
import type { RequestRecord } from '../../shared/metrics/report.js'
import type { RequestFilter } from './store.js'

/** Inclusive bounds of `404` or `5xx`; undefined for what is neither. */
function statusRange(status: string): readonly [number, number] | undefined {
  const [, digit, whole] = /^(?:([1-5])xx|(\d{1,3}))$/.exec(status) ?? []
  if (digit !== undefined) return [Number(digit) * 100, Number(digit) * 100 + 99]
  return whole === undefined ? undefined : [Number(whole), Number(whole)]
}

export function matches(filter: RequestFilter): (record: RequestRecord) => boolean {
  const statuses = filter.status === undefined ? [-Infinity, Infinity] : (statusRange(filter.status) ?? [1, 0])
  const [low = 0, high = 0] = statuses
  return (record) =>
    (filter.service === undefined || record.service === filter.service) &&
    (filter.instance === undefined || record.instance === filter.instance) &&
    (filter.route === undefined || record.route === filter.route) &&
    (filter.method === undefined || record.method === filter.method) &&
    record.status >= low &&
    record.status <= high
}

/** The parts of a filter in a fixed order, as the scope of its cursors. */
export function scopeOf(kind: string, filter: RequestFilter): readonly unknown[] {
  return [
    kind,
    filter.service ?? null,
    filter.instance ?? null,
    filter.route ?? null,
    filter.method ?? null,
    filter.status ?? null,
  ]
}
