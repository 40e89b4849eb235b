// Whether a worker's memory stays flat over millions of requests.
import { machine } from '../../page.js'
import { scoped } from '../cleanup.js'
import { wrk } from '../load/wrk.js'
import { measure } from '../measure.js'
import { SMALL } from '../requests.js'
import type { Scenario } from './scenario.js'
import { setStage } from './stage.js'

const CONNECTIONS = 64
/** Lines of the table; the first tenth is the time in which heaps grow. */
const STEPS = 10
const BURST_SECONDS = 5

export const LONG_RUN: Scenario = {
  name: 'long-run',
  peers: ['us'],
  onlyNamed: true,
  run: (bench) =>
    scoped(bench.cleanup, async (cleanup) => {
      const stage = await setStage('long-run', { peers: LONG_RUN.peers }, bench, cleanup)
      const [peer] = stage.peers
      if (peer === undefined) throw new Error('the long run is of ours alone')
      const options = { seconds: BURST_SECONDS, folder: stage.folder, cleanup }
      const load = wrk({ connections: CONNECTIONS, request: SMALL })
      const lines: string[] = []
      for (let requests = 0, errors = 0; lines.length < STEPS;) {
        const round = await measure(peer, load, options)
        requests += round.requests
        errors += round.errors
        if (requests < ((lines.length + 1) * bench.millions * 1e6) / STEPS) continue
        const rss = (round.workers.rssBytes / 2 ** 20).toFixed(1)
        lines.push(`| ${(requests / 1e6).toFixed(2)} | ${rss} | ${errors} |`)
        bench.say(`long-run: ${lines.length} of ${STEPS}`)
      }
      const head = ['| million requests | worker MiB | errors |', '| ---: | ---: | ---: |']
      const foot = `wrk over ${CONNECTIONS} connections. ${machine()}`
      return [...head, ...lines, '', foot].join('\n')
    }),
}
