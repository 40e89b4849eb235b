// What holds for all proxies of a harbr-router of the second version.
import { putListen } from '../names.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'

export function readGlobal(global: Section, sketch: Sketch): void {
  const metrics = global.section('metrics')
  if (metrics) readMetrics(metrics, sketch)
  const health = global.section('health_check')
  if (health) {
    // One that is switched off loses nothing.
    if (health.boolean('enabled') !== false)
      sketch.note(
        health.path,
        'the health of the gateway has no port of its own',
        'ask the discovery server for /livez and /readyz',
      )
    for (const key of ['enabled', 'listen_addr', 'path']) health.value(key)
    health.rest()
  }
  const performance = global.section('performance')
  if (performance) readPerformance(performance, sketch)
  const logging = global.section('logging')
  if (logging) {
    logging.rest({
      level: 'start with -l LEVEL',
      format: 'drop it: lines are JSON wherever no terminal reads them',
    })
  }
  global.rest()
}

/** The page of metrics is on the discovery server's port: so that gets the address. */
function readMetrics(metrics: Section, sketch: Sketch): void {
  if (metrics.boolean('enabled') === false)
    sketch.note(
      metrics.at('enabled'),
      'metrics cannot be switched off',
      'set discovery.host: 127.0.0.1 to keep them to this machine',
      { at: ['discovery'] },
    )
  const address = metrics.text('listen_addr')
  const at = metrics.at('listen_addr')
  if (address !== undefined) {
    putListen(address, ['discovery'], at, sketch)
    sketch.comment(['discovery'], 'the metrics are there, beside the API of the registry')
  }
  const path = metrics.text('path')
  if (path !== undefined && path !== '/metrics')
    sketch.note(metrics.at('path'), 'the path of the metrics is /metrics', 'have the scraper ask for that')
  metrics.rest({ interval_secs: 'drop it: metrics are counted when they are asked for' })
}

function readPerformance(performance: Section, sketch: Sketch): void {
  const threads = performance.number('worker_threads')
  if (threads !== undefined && threads > 0)
    sketch.put(['processor', 'workers'], threads, performance.at('worker_threads'))
  const pool = performance.section('connection_pool')
  if (pool) {
    const most = 'max_connections_per_upstream'
    sketch.put(['processor', 'limits', 'upstream_connections'], pool.value(most), pool.at(most))
    const idle = 'idle_timeout_secs'
    sketch.put(['processor', 'timeouts', 'upstream_keep_alive'], pool.value(idle), pool.at(idle))
    pool.rest({ keepalive_timeout_secs: 'see processor.timeouts.upstream_keep_alive' })
  }
  performance.rest({
    cpu_affinity: 'drop it: the system places worker processes',
    buffer_pool: 'drop it: buffers need no setting',
  })
}
