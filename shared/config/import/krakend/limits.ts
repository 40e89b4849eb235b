// How much may pass: KrakenD's rate limits and circuit breakers in the words of this product.
import type { Path } from '../../document.js'
import type { Sketch } from '../sketch.js'
import { addPipe, type SetOption } from './pipe.js'
import type { Source } from './source.js'

const noCounterpart = () => ({
  message: 'this option of the rate limit has no counterpart here',
  hint: 'see the options of the pipe `rate-limit`',
})

/** `qos/ratelimit/router` and `qos/ratelimit/service`: all requests together, and those of each client. */
export function readRateLimit(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const given = extra.object(key)
  if (!given) return
  const period = given.duration('every')
  const most = given.number('max_rate')
  const burst = given.number('capacity')
  if (most !== undefined && most > 0) {
    const set = addPipe(sketch, list, 'rate-limit', given)
    set('rate', most, 'max_rate')
    set('period', period, 'every')
    set('burst', wholeBurst(burst), 'capacity')
    set('by', 'route')
    set('status', 503)
  }
  const own = given.number('client_max_rate')
  const ownBurst = given.number('client_capacity')
  const by = readKey(given, sketch)
  if (own !== undefined && own > 0) {
    const set = addPipe(sketch, list, 'rate-limit', given)
    set('rate', own, 'client_max_rate')
    set('period', period, 'every')
    set('burst', wholeBurst(ownBurst), 'client_capacity')
    set('by', by, 'strategy')
  }
  // Of how KrakenD keeps its counts; here they are bounded and kept once per machine.
  for (const inner of ['num_shards', 'cleanup_period', 'cleanup_threads']) given.raw(inner)
  given.noteUnread(noCounterpart)
}

function wholeBurst(burst: number | undefined): number | undefined {
  return burst === undefined || burst < 1 ? undefined : Math.floor(burst)
}

function readKey(given: Source, sketch: Sketch): string {
  const strategy = given.text('strategy')?.toLowerCase() ?? 'ip'
  const key = given.text('key')
  if (strategy === 'ip') {
    // KrakenD reads the client's address from a header only when told so; here trusted proxies say who the client is.
    if (key !== undefined)
      given.note('key', 'addresses are not read from a header of this name', 'processor.trusted_proxies')
    return 'ip'
  }
  if ((strategy === 'header' || strategy === 'param') && key !== undefined) return `${strategy}:${key}`
  const known = strategy === 'header' || strategy === 'param'
  if (known) sketch.fault(given.at('strategy'), 'needs "key"', `the name of the ${strategy}`)
  else sketch.fault(given.at('strategy'), 'must be ip, header or param')
  return 'ip'
}

/** `qos/ratelimit/proxy` of an endpoint's only backend, as a pipe: what is too much gets an answer of its own. */
export function readBackendLimit(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const given = extra.object(key)
  if (!given || (given.number('max_rate') ?? 0) <= 0) return
  const set = addPipe(sketch, list, 'rate-limit', given)
  setRate(given, set)
  set('by', 'route')
  set('status', 503)
}

/** Of one backend among several: it fails, and the others go on. */
export function readPartLimit(extra: Source, key: string, part: Path, sketch: Sketch): void {
  const given = extra.object(key)
  if (!given || (given.number('max_rate') ?? 0) <= 0) return
  const path = [...part, 'rate_limit']
  sketch.put(path, {}, given.path)
  setRate(given, (name, value, from = '') => sketch.put([...path, name], value, given.at(from)))
}

function setRate(given: Source, set: SetOption): void {
  set('rate', given.number('max_rate'), 'max_rate')
  set('period', given.duration('every'), 'every')
  set('burst', wholeBurst(given.number('capacity')), 'capacity')
  given.noteUnread(noCounterpart)
}

/** Keys of a service: an instance that failed more often than `max_errors` in a row gets a rest. */
export function readBreaker(extra: Source, key: string): Record<string, unknown> | undefined {
  const given = extra.object(key)
  if (!given) return undefined
  const errors = given.number('max_errors') ?? 1
  const seconds = given.number('timeout')
  if (given.number('interval'))
    given.note(
      'interval',
      'failures in a row count, however long they take',
      'breaker.rate and breaker.window of the service',
    )
  for (const shown of ['name', 'log_status_change']) given.raw(shown)
  given.noteUnread(() => ({
    message: 'this option of the breaker has no counterpart here',
    hint: 'breaker of a service',
  }))
  return {
    breaker: {
      consecutive: Math.max(0, Math.floor(errors)) + 1,
      ...(seconds !== undefined && seconds > 0 && { open: seconds }),
    },
    // What KrakenD calls an error: every status but 200, 201 and the redirects that it follows.
    outlier: { answers: 0, statuses: ['202-299', '304-306', '400-599'] },
  }
}
