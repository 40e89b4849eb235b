// The upstreams of one proxy of harbr-router 0.2: instances with a weight, a tier and a check of their own.
import type { Path } from '../../document.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'
import { noteBasePath, notePreservedHost, putConnectionCheck, putRetries, putTry } from './prefixes.js'

const TIERS = ['high', 'med', 'low'] as const

/** `kind`: of the proxy, http or tcp. */
export function readUpstreams(
  upstreams: readonly Section[],
  service: Path,
  from: Path,
  kind: string,
  sketch: Sketch,
): void {
  sketch.put(service, {}, from)
  const priorities = [...new Set(upstreams.map((upstream) => upstream.number('priority') ?? 0))].sort((a, b) => b - a)
  const tiers = new Map(priorities.map((priority, i) => [priority, i]))
  upstreams.forEach((upstream, i) => {
    const server = [...service, 'servers', i]
    const key = upstream.has('upstream') ? 'upstream' : 'address'
    upstream.required(key)
    const name = upstream.text('name')
    const address = upstream.text(key)
    sketch.put([...server, 'url'], address, upstream.at(key))
    if (kind === 'http') noteBasePath(address, upstream.at(key), server, sketch)
    // A prefix of paths is no name.
    if (name !== undefined && name !== '' && !name.startsWith('/'))
      sketch.put([...server, 'metadata'], { name }, upstream.at('name'))
    sketch.put([...server, 'weight'], upstream.value('weight'), upstream.at('weight'))
    const tier = tiers.get(upstream.number('priority') ?? 0) ?? 0
    if (priorities.length > 1) sketch.put([...server, 'priority'], TIERS[Math.min(tier, 2)], upstream.at('priority'))
    if (tier > 2)
      sketch.note(upstream.at('priority'), 'there are three tiers; this one joins the last', 'use high, med and low', {
        at: server,
      })
    const check = upstream.section('health_check')
    const isOff = check?.boolean('enabled') === false
    if (check && !isOff) readCheck(check, server, kind, sketch)
    else if (sketch.at([...service, 'polling']) === undefined) putConnectionCheck(service, upstream.path, sketch)
    if (check && isOff)
      sketch.note(check.path, 'checks cannot be switched off: whether a connection opens is looked at', 'see polling', {
        at: server,
      })
  })
  if (kind === 'http') readExchange(upstreams, service, sketch)
  else readConnections(upstreams, service, sketch)
  for (const upstream of upstreams) {
    notePreservedHost(upstream, sketch)
    upstream.rest()
  }
}

function readCheck(check: Section, server: Path, kind: string, sketch: Sketch): void {
  const polling = [...server, 'polling']
  const type = check.text('type') ?? kind
  const path = check.text('path')
  if (type === 'udp') {
    sketch.note(
      check.at('type'),
      'there is no check by UDP; a TCP connection is tried',
      'give it a path, or type: tcp',
      {
        at: polling,
      },
    )
  }
  const http = type === 'http' || (type !== 'tcp' && type !== 'udp' && path !== undefined)
  sketch.put(polling, http ? { method: 'health', endpoint: path ?? '/' } : { method: 'tcp' }, check.path)
  if (path !== undefined && http) sketch.put([...polling, 'endpoint'], path, check.at('path'))
  for (const [ours, unit] of [
    ['frequency', 'interval'],
    ['timeout', 'timeout'],
  ] as const) {
    sketch.put([...polling, ours], check.value(`${unit}_secs`), check.at(`${unit}_secs`))
    sketch.put([...polling, `${ours}_ms`], check.value(`${unit}_ms`), check.at(`${unit}_ms`))
  }
  sketch.put([...polling, 'fall'], check.value('failure_threshold'), check.at('failure_threshold'))
  sketch.put([...polling, 'rise'], check.value('success_threshold'), check.at('success_threshold'))
  const statuses = check.list('expected_status').map(({ value }) => value)
  if (statuses.length > 0 && http) sketch.put([...polling, 'expect', 'status'], statuses, check.at('expected_status'))
  check.rest()
}

/** Timeouts and tries are of a service here: the most generous of its upstreams counts. */
function readExchange(upstreams: readonly Section[], service: Path, sketch: Sketch): void {
  const timeouts = upstreams.map((upstream) => ({ upstream, ms: upstream.number('timeout_ms') ?? 0 }))
  const slowest = timeouts.reduce((most, one) => (one.ms > most.ms ? one : most), { upstream: upstreams[0], ms: 0 })
  if (slowest.upstream && slowest.ms > 0)
    putTry(slowest.ms, [...service, 'timeout'], slowest.upstream.at('timeout_ms'), sketch)
  for (const { upstream, ms } of timeouts) {
    if (ms !== slowest.ms && upstream.has('timeout_ms')) noteTimeout(upstream, slowest.ms, service, sketch)
  }
  const retries = upstreams.map((upstream) => readRetry(upstream, sketch))
  const most = retries.reduce((most, one) => (one.retries > most.retries ? one : most), {
    retries: 0,
    from: service,
    block: undefined,
    set: false,
  })
  putRetries(most.retries, service, most.from, sketch)
  for (const one of retries) {
    const isSame = one.retries === most.retries && pausesOf(one.block) === pausesOf(most.block)
    if (!isSame && one.set)
      sketch.note(
        one.from,
        `tries are of a service: ${most.retries} more hold here too, with the pauses of those`,
        'make it a service of its own',
        { at: service },
      )
  }
  if (most.block === undefined) return
  const backoff = [...service, 'retry', 'backoff']
  sketch.put([...backoff, 'base_ms'], most.block.value('backoff_ms'), most.block.at('backoff_ms'))
  sketch.put([...backoff, 'max_ms'], most.block.value('max_backoff_ms'), most.block.at('max_backoff_ms'))
}

function noteTimeout(upstream: Section, heldMs: unknown, service: Path, sketch: Sketch): void {
  sketch.note(
    upstream.at('timeout_ms'),
    `timeouts are of a service: ${String(heldMs)} ms holds here too`,
    'make it a service of its own',
    { at: service },
  )
}

/** Behind a TCP port there are no exchanges: only the time to connect counts. */
function readConnections(upstreams: readonly Section[], service: Path, sketch: Sketch): void {
  for (const upstream of upstreams) {
    const limit = [...service, 'timeout', 'connect_ms']
    const limitMs = upstream.value('timeout_ms')
    const heldMs = sketch.at(limit)
    if (heldMs === undefined) sketch.put(limit, limitMs, upstream.at('timeout_ms'))
    else if (limitMs !== undefined && limitMs !== heldMs) noteTimeout(upstream, heldMs, service, sketch)
    for (const key of ['retry', 'retry_count']) {
      if (upstream.value(key) === undefined) continue
      sketch.note(upstream.at(key), 'connections are not opened again', 'have the client open a new one', {
        at: service,
      })
    }
  }
}

interface Retries {
  readonly retries: number
  readonly from: Path
  readonly block: Section | undefined
  /** Whether the file says so. */
  readonly set: boolean
}

function pausesOf(block: Section | undefined): string {
  return JSON.stringify([block?.value('backoff_ms'), block?.value('max_backoff_ms')])
}

function readRetry(upstream: Section, sketch: Sketch): Retries {
  const count = upstream.number('retry_count')
  if (count !== undefined) return { retries: count, from: upstream.at('retry_count'), block: undefined, set: true }
  const block = upstream.section('retry')
  if (!block) return { retries: 0, from: upstream.path, block: undefined, set: false }
  const retries = block.number('max_retries') ?? 0
  for (const key of ['backoff_ms', 'max_backoff_ms']) block.value(key)
  const kind = block.text('backoff')
  if (kind !== undefined && kind !== 'exponential')
    sketch.note(
      block.at('backoff'),
      `the pause between tries doubles each time; it is not ${kind}`,
      'see retry.backoff',
    )
  block.rest()
  return { retries, from: block.at('max_retries'), block, set: true }
}
