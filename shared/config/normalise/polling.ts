// How each instance is checked: the service's polling, overlaid key by key with the instance's own, then the defaults.
import { DAMPING, POLLING } from '../defaults.js'
import type { Path } from '../document.js'
import type { DampingConfig, HealthExpectation, PollingConfig, Schedule, UpstreamTlsConfig } from '../model.js'
import type { PollingInput } from '../schema/layouts.js'
import { sentFieldFault } from '../text/http.js'
import { looksLikeCron, plainCron } from '../text/cron.js'
import { defined, readMs, readStatuses, spanPath, texts, warnUseless, type Context, type Draft } from './context.js'
import { readUpstreamTls } from './tls.js'

/** What one block says, in the units of the model. */
export interface PollingPart {
  readonly method?: 'health' | 'ping' | 'tcp'
  readonly endpoint?: string
  readonly frequency?: Schedule
  readonly timeout?: { readonly ms: number; readonly path: Path }
  readonly retries?: number
  readonly retryDelayMs?: number
  readonly rise?: number
  readonly fall?: number
  /** False: none, whatever a wider block says. */
  readonly damping?: false | Partial<DampingConfig>
  readonly packetLimit?: number
  readonly httpMethod?: 'GET' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  readonly expect?: Partial<HealthExpectation>
  readonly tls?: Partial<UpstreamTlsConfig>
}

const HEALTH_ONLY = ['endpoint', 'http_method', 'headers', 'expect', 'tls'] as const

export function readPolling(block: Draft<PollingInput> | undefined, path: Path, context: Context): PollingPart {
  if (!block) return {}
  if (block.method !== undefined && block.method !== 'health')
    warnUseless(block, HEALTH_ONLY, `to the method ${block.method}`, path, context)
  const timeoutMs = readMs(block, 'timeout', path, context)
  return defined({
    method: block.method,
    endpoint: block.endpoint,
    frequency: readFrequency(block, path, context),
    timeout: timeoutMs === undefined ? undefined : { ms: timeoutMs, path: spanPath(block, 'timeout', path) },
    retries: block.retries,
    retryDelayMs: readMs(block, 'retry_delay', path, context),
    rise: block.rise,
    fall: block.fall,
    damping: readDamping(block.damping, [...path, 'damping'], context),
    packetLimit: block.packet_limit,
    httpMethod: block.http_method,
    headers: block.headers && readSentFields(block.headers, [...path, 'headers'], context),
    expect: block.expect && readExpect(block.expect, [...path, 'expect'], context),
    tls: block.tls && readUpstreamTls(block.tls, [...path, 'tls'], context),
  })
}

function readFrequency(block: Draft<PollingInput>, path: Path, context: Context): Schedule | undefined {
  const ms = readMs(block, 'frequency', path, context)
  if (ms !== undefined) return { kind: 'every', ms }
  const { frequency } = block
  if (typeof frequency !== 'string' || !looksLikeCron(frequency)) return undefined
  return { kind: 'cron', expression: plainCron(frequency) }
}

function readDamping(
  given: Draft<PollingInput>['damping'],
  path: Path,
  context: Context,
): false | Partial<DampingConfig> | undefined {
  if (typeof given !== 'object') return given === true ? {} : given
  return defined({
    changes: given.changes,
    windowMs: readMs(given, 'window', path, context),
    steadyMs: readMs(given, 'steady', path, context),
  })
}

function readExpect(
  block: NonNullable<Draft<PollingInput>['expect']>,
  path: Path,
  context: Context,
): Partial<HealthExpectation> {
  const { body, body_pattern: pattern } = block
  if (body !== undefined && pattern !== undefined) {
    context.report.fault(
      [...path, 'body_pattern'],
      { message: '"body" is there too', hint: 'keep one of the two' },
      'key',
    )
  }
  return defined({
    statuses: readStatuses(block.status),
    body:
      body !== undefined
        ? { kind: 'text' as const, text: body }
        : pattern !== undefined
          ? { kind: 'pattern' as const, pattern }
          : undefined,
    maxLatencyMs: readMs(block, 'max_latency', path, context),
  })
}

/** Header fields that we send: what frames the message is ours. */
export function readSentFields(
  given: Draft<Record<string, string>>,
  path: Path,
  { report }: Context,
): Readonly<Record<string, string>> {
  for (const name of Object.keys(given)) {
    const fault = sentFieldFault(name)
    if (fault) report.fault([...path, name], fault, 'key')
  }
  return texts(given)
}

export function mergePolling(base: PollingPart, own: PollingPart): PollingPart {
  return defined({
    ...base,
    ...own,
    damping: base.damping && own.damping ? { ...base.damping, ...own.damping } : (own.damping ?? base.damping),
    headers: base.headers && own.headers ? { ...base.headers, ...own.headers } : (own.headers ?? base.headers),
    expect: { ...base.expect, ...own.expect },
    tls: { ...base.tls, ...own.tls },
  })
}

/**
 * The polling with its defaults. `blocks` are the paths it was read from, the nearest first; `tls` is the service's.
 * Undefined where what is required is missing, which has then been reported.
 */
export function completePolling(
  part: PollingPart,
  blocks: readonly Path[],
  tls: UpstreamTlsConfig,
  { report, isWritten }: Context,
): PollingConfig | undefined {
  const demand = (key: string, when: string) => {
    if (blocks.some((block) => report.has([...block, key]))) return
    report.fault([...(blocks[0] ?? []), key], `"${key}" is required${when}`, 'key')
  }
  const frequency = part.frequency ?? { kind: 'every', ms: POLLING.frequencyMs }
  const most = frequency.kind === 'every' ? frequency.ms : Infinity
  if (part.timeout && part.timeout.ms > most) {
    report.warn(part.timeout.path, { message: 'longer than the frequency', hint: `lowered to ${most} ms` })
  }
  const common = {
    frequency,
    timeoutMs: Math.min(part.timeout?.ms ?? POLLING.timeoutMs, most),
    retries: part.retries ?? POLLING.retries,
    retryDelayMs: part.retryDelayMs ?? POLLING.retryDelayMs,
    rise: part.rise ?? POLLING.rise,
    fall: part.fall ?? POLLING.fall,
    ...(part.damping && { damping: { ...DAMPING, ...part.damping } }),
    packetLimit: part.packetLimit ?? POLLING.packetLimit,
  }
  if (part.method === undefined) {
    demand('method', '')
    return undefined
  }
  if (part.method !== 'health') return { ...common, method: part.method }
  if (part.endpoint === undefined) {
    demand('endpoint', ' for the method health')
    return undefined
  }
  if (part.httpMethod === 'HEAD' && part.expect?.body) {
    const place = blocks.map((block) => [...block, 'expect']).find(isWritten) ?? []
    report.fault(place, { message: 'the answer to HEAD has no body to expect', hint: 'use http_method: GET' }, 'key')
  }
  return {
    ...common,
    method: 'health',
    endpoint: part.endpoint,
    httpMethod: part.httpMethod ?? 'GET',
    headers: part.headers ?? {},
    expect: { statuses: POLLING.statuses, ...part.expect },
    tls: { ...tls, ...part.tls },
  }
}
