// What a service or a route says about its requests: timeouts, protocols to switch to.
import type { Path } from '../document.js'
import type { ExchangeTimeouts, TimeoutsConfig } from '../model.js'
import type { RouteInput, TimeoutInput } from '../schema/layouts.js'
import { defined, readMs, type Context, type Draft } from './context.js'

/** A single duration is the total. */
export function readTimeouts(owner: Draft<TimeoutInput>, path: Path, context: Context): Partial<ExchangeTimeouts> {
  const totalMs = readMs(owner, 'timeout', path, context)
  const { timeout } = owner
  if (typeof timeout !== 'object') return defined({ totalMs })
  return readExchangeTimeouts(timeout, [...path, 'timeout'], context)
}

type Block = Extract<Draft<TimeoutInput>['timeout'], object>

export function readExchangeTimeouts(
  block: Block | undefined,
  path: Path,
  context: Context,
): Partial<ExchangeTimeouts> {
  return defined({
    connectMs: readMs(block, 'connect', path, context),
    firstByteMs: readMs(block, 'first_byte', path, context),
    idleMs: readMs(block, 'idle', path, context),
    totalMs: readMs(block, 'total', path, context),
  })
}

/** Those of the processor's timeouts that a service may set for itself. */
export function exchangeTimeouts(all: TimeoutsConfig): ExchangeTimeouts {
  return { connectMs: all.connectMs, firstByteMs: all.firstByteMs, idleMs: all.idleMs, totalMs: all.totalMs }
}

/** They are compared without regard to case (RFC 9110 section 7.8). */
export function readUpgrade(given: Draft<RouteInput>['upgrade']): readonly string[] | undefined {
  return given && [...new Set(given.flatMap((protocol) => protocol?.toLowerCase() ?? []))]
}
