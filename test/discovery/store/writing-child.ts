// Writes packets and counts for ever, and prints `n time` for each: killed by a test, which compares with the file.
import { createSqliteStore } from '../../../discovery/store/sqlite/store.js'
import { systemClock } from '../../../shared/clock.js'
import { silentLog } from '../../../shared/log.js'
import { countOf, packetOf } from '../../contract/store.js'

const store = await createSqliteStore(process.argv[2] ?? '', { clock: systemClock, log: silentLog })
await store.state.put([
  {
    id: 'orders/a:1',
    service: 'orders',
    url: 'http://a:1',
    health: 'down',
    since: 1000,
    override: 'drain',
    version: 1,
  },
])
let n = 0
setInterval(() => {
  for (let i = 0; i < 10; i++) {
    store.history.appendPacket(packetOf(++n, `orders/${n % 100}:1`, { startedAt: n, endedAt: Date.now() }), 1_000_000)
  }
  store.history.addCounts(60_000, [countOf({ requests: 10 })])
  process.stdout.write(`${n} ${Date.now()}\n`)
}, 10)
