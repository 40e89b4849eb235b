// Who of a service's instances gets a request, as the file says it.
import { BALANCE, STICKY } from '../defaults.js'
import type { Path } from '../document.js'
import type { BalanceConfig, HashKey, ProcessorConfig, StickyConfig, Strategy } from '../model.js'
import type { ServiceInput } from '../schema/layouts.js'
import { defined, readMs, type Context, type Draft } from './context.js'

type BalanceDraft = Draft<ServiceInput>['balance']
type Block = Extract<BalanceDraft, object>

/** Text alone is the strategy. */
export function readBalance(
  draft: BalanceDraft,
  path: Path,
  processor: ProcessorConfig,
  context: Context,
): BalanceConfig {
  const block: Block = typeof draft === 'string' ? { strategy: draft } : (draft ?? {})
  const strategy = block.strategy ?? BALANCE.strategy
  if (block.prefer_zone === true && processor.zone === undefined) {
    context.report.warn(
      [...path, 'prefer_zone'],
      { message: 'the request processor has no zone', hint: 'give the processor a "zone"' },
      'key',
    )
  }
  return {
    ...BALANCE,
    strategy,
    ...defined({
      hash: readHash(block.hash, strategy, [...path, 'hash'], context),
      sticky: readSticky(block.sticky, [...path, 'sticky'], context),
      preferZone: block.prefer_zone,
      slowStartMs: readMs(block, 'slow_start', path, context),
      spillBelow: block.spill_below,
      minInstances: block.min_instances,
      panic: block.panic,
    }),
  }
}

function readHash(draft: Block['hash'], strategy: Strategy, path: Path, { report }: Context): HashKey | undefined {
  if (strategy !== 'hash') {
    const hint = 'add strategy: hash, or drop "hash"'
    if (draft !== undefined) report.fault(path, { message: `the strategy ${strategy} needs no "hash"`, hint }, 'key')
    return undefined
  }
  if (draft === undefined && !report.has(path)) {
    const hint = 'hash: ip, path, { header: … }, { cookie: … } or { query: … }'
    report.fault(path, { message: '"hash" is required for the strategy hash', hint }, 'key')
  }
  if (draft === undefined || typeof draft === 'string') return draft && { on: draft }
  if (draft.header !== undefined) return { on: 'header', name: draft.header.toLowerCase() }
  if (draft.cookie !== undefined) return { on: 'cookie', name: draft.cookie }
  return draft.query === undefined ? undefined : { on: 'query', name: draft.query }
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const

function readSticky(draft: Block['sticky'], path: Path, context: Context): StickyConfig | undefined {
  if (draft === undefined || draft === false) return undefined
  const block = draft === true ? {} : draft
  const maxAgeMs = readMs(block, 'max_age', path, context)
  const sticky = {
    ...STICKY,
    ...defined({
      cookie: block.cookie,
      maxAgeSeconds: maxAgeMs === undefined ? undefined : Math.round(maxAgeMs / 1000),
      path: block.path,
      secure: block.secure,
      sameSite: block.same_site && SAME_SITE[block.same_site],
    }),
  }
  const fault = refusedByBrowsers(sticky)
  if (fault) context.report.fault([...path, fault.key], { message: fault.message, hint: 'browsers refuse it else' })
  return sticky
}

/** RFC 6265bis sections 4.1.3 and 5.7: such a cookie is dropped, and no client would ever come back. */
function refusedByBrowsers({ cookie, path, secure, sameSite }: StickyConfig) {
  if (sameSite === 'None' && !secure)
    return { key: 'same_site', message: 'a cookie for other sites needs secure: true' }
  if (/^__(secure|host)-/i.test(cookie) && !secure)
    return { key: 'cookie', message: 'a cookie of this name needs secure: true' }
  if (/^__host-/i.test(cookie) && path !== '/') return { key: 'cookie', message: 'a cookie of this name needs path: /' }
  return undefined
}
