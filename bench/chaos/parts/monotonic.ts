// One clock for all processes of a run: the system's monotonic one, in milliseconds.

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
