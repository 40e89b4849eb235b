// Millions of requests: what the worker's memory comes to, and that it is in the last fifth what it was in the first.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, isListening } from '../../../test/kit/ports.js'
import { type Cleanup, startProcess } from '../../../test/kit/process.js'
import { waitFor } from '../../../test/kit/wait.js'
import { requireCommands } from '../../proxy/install.js'
import { nginxFile } from '../../proxy/nginx-file.js'
import { startBed } from '../bed.js'
import { atMost, type Check, exactly } from '../check.js'

export interface MillionSize {
  readonly requests: number
  /** Share by which the last fifth may be above the first; a short run is still warming up in its first. */
  readonly mostGrowth: number
}

const MOST_MB = 80
const CONNECTIONS = 64
/** In one go of the load, so that its own failures show before the end. */
const BURST_SECONDS = 10

interface Sample {
  readonly requests: number
  readonly bytes: number
}

export async function million(t: Cleanup, { requests, mostGrowth }: MillionSize): Promise<Check[]> {
  requireCommands(['nginx', 'wrk'])
  const address = await startFastOrigin(t)
  const { gateway, port, worker } = await startBed(t, { services: { s: { address } } })
  const total = async () => (await gateway.ask<{ requests: { total: number } }>('/stats?packets=1')).requests.total
  const samples: Sample[] = []
  const startedAt = performance.now()
  let done = 0
  let errors = 0
  while (done < requests) {
    const load = await startProcess(
      'wrk',
      ['-t', '1', '-c', String(CONNECTIONS), '-d', `${BURST_SECONDS}s`, `http://127.0.0.1:${port}/s/echo/x`],
      { t },
    )
    let ended = false
    void load.exited.then(() => (ended = true))
    while (!ended) {
      await Promise.race([load.exited, new Promise((resolve) => setTimeout(resolve, 1000))])
      done = await total()
      samples.push({ requests: done, bytes: worker.rssBytes() })
    }
    const { code } = await load.exited
    if (code !== 0) throw new Error(`wrk failed: ${load.output()}`)
    if (/Non-2xx|Socket errors/.test(load.stdout())) errors++
  }
  const seconds = (performance.now() - startedAt) / 1000
  // The highest, because V8's young generation shrinks now and then and grows again.
  const most = (from: number, to: number): number => {
    const inside = samples.filter((sample) => sample.requests >= done * from && sample.requests <= done * to)
    return Math.max(...inside.map(({ bytes }) => bytes)) / 2 ** 20
  }
  const [first, last] = [most(0, 0.2), most(0.8, 1)]
  const title = `${(done / 1e6).toFixed(1)} million requests, ${(done / seconds / 1000).toFixed(1)} thousand a second`
  return [
    atMost(`${title}: memory of the worker at ${CONNECTIONS} connections`, most(0, 1), MOST_MB, 'MiB', 1),
    atMost(
      `the most in the last fifth of them, ${first.toFixed(1)} MiB in the first`,
      last,
      first * (1 + mostGrowth),
      'MiB',
      1,
    ),
    exactly('bursts with a failed request', errors, 0),
    exactly('in flight afterwards', (await worker.settled(2000)).inFlight, 0),
    await worker.soundness(),
  ]
}

/** nginx: the origin of the other runs would be the slowest of the three. */
async function startFastOrigin(t: Cleanup): Promise<string> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-endurance-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'nginx.conf')
  const answers = `location / { return 200 '${'x'.repeat(150)}'; }\n location = /s/echo/ready { return 200 'ready'; }`
  writeFileSync(file, nginxFile({ folder, workers: 1 }, `server { listen 127.0.0.1:${port} backlog=4096; ${answers} }`))
  await startProcess('nginx', ['-p', folder, '-c', file], { t })
  await waitFor(() => isListening(port), { what: 'the origin to listen' })
  return `127.0.0.1:${port}`
}
