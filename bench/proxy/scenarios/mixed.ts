// An origin that takes long for one request in a hundred: what the other ninety-nine see of it.
import { MIXED as COLUMNS } from '../columns.js'
import { ownLoad } from '../load/own.js'
import { SLOW, SLOW_MS, SMALL } from '../requests.js'
import { comparison } from './comparison.js'

const CONNECTIONS = 64
const EVERY = 100

export const MIXED = comparison({
  name: 'mixed',
  peers: ['nginx', 'us', 'us-batch'],
  columns: COLUMNS,
  loadWords: `load.c over ${CONNECTIONS} connections, 1 request in ${EVERY} answered after ${SLOW_MS} ms`,
  prepare: ({ tools }) =>
    Promise.resolve({
      load: ownLoad({
        program: tools.load,
        connections: CONNECTIONS,
        request: SMALL,
        slow: { request: SLOW, every: EVERY },
      }),
    }),
  aims: [{ peer: 'us-batch', of: 'us', figure: (round) => round.p99Ms, what: 'p99 of the fast ones', atMost: 1.1 }],
})
