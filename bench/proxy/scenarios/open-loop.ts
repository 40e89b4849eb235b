// A fixed rate well below what nginx can take: the latencies that a service in health sees, with nothing left out.
import { OPEN_LOOP as COLUMNS } from '../columns.js'
import { ownLoad } from '../load/own.js'
import type { OwnOptions } from '../load/own.js'
import { SMALL } from '../requests.js'
import { median } from '../statistics.js'
import { comparison } from './comparison.js'
import type { Scenario } from './scenario.js'

const SHARE = 0.7
/** nginx's capacity is the median of so many bursts, after one that warms it up. */
const CALIBRATIONS = 3

function openLoop(connections: number): Scenario {
  return comparison({
    name: `open-${connections}`,
    peers: ['nginx', 'haproxy', 'us', 'us-batch'],
    columns: COLUMNS,
    loadWords: `load.c over ${connections} connections at ${SHARE * 100} % of nginx's capacity`,
    async prepare({ tools }, burst) {
      const options: OwnOptions = { program: tools.load, connections, request: SMALL }
      const seen: number[] = []
      for (let i = 0; i <= CALIBRATIONS; i++)
        seen.push((await burst('nginx', ownLoad(options)))?.requestsPerSecond ?? 0)
      const capacity = median(seen.slice(1))
      if (capacity === 0)
        throw new Error(`open-${connections} needs nginx among the proxies: its capacity is the measure`)
      const rate = Math.round(SHARE * capacity)
      return { load: ownLoad({ ...options, rate }), note: `${rate} of ${capacity.toFixed(0)} requests/s` }
    },
    aims: [{ peer: 'us', figure: (round) => round.p99Ms, what: 'p99', atMost: 1.5 }],
  })
}

export const OPEN_LOOP: readonly Scenario[] = [64, 256, 1000].map(openLoop)
