// What the parts brought, put together in the order of the config, and what the config lays over it.
import type { MergeConfig, Strategy } from '../../../shared/config/merge-model.js'
import type { PartResult } from './ask.js'
import { flatmap } from './shape/flatmap.js'
import { type Fields, toFields } from './value.js'

export interface Combined {
  /** Undefined: there is nothing to answer with. */
  readonly data: Fields | undefined
  /** Every part brought all of its data. */
  readonly complete: boolean
  readonly failures: readonly Extract<PartResult, { ok: false }>[]
}

/** `results` may be fewer than `parts`: where one after the other is asked, the first failure is the end. */
export function createCombine(
  config: Pick<MergeConfig, 'static' | 'flatmap' | 'sequential'>,
  parts: number,
): (results: readonly PartResult[]) => Combined {
  const fixed = config.static && { ...config.static, data: toFields(config.static.data) }
  return (results) => {
    const failures = results.filter((result) => !result.ok)
    const whole = results.length === parts && failures.length === 0
    const complete = whole && results.every((result) => result.ok && result.complete)
    let data = together(results)
    if (data !== undefined && config.flatmap.length > 0) data = flatmap(data, config.flatmap)
    if (fixed === undefined || !applies(fixed.strategy, data, complete, failures.length > 0))
      return { data, complete, failures }
    // The data may be that of a part, and no other than this exchange has it.
    data ??= new Map()
    for (const [name, value] of fixed.data) data.set(name, value)
    return { data, complete, failures }
  }
}

function together(results: readonly PartResult[]): Fields | undefined {
  let data: Fields | undefined
  for (const result of results) {
    if (!result.ok) continue
    if (data === undefined) data = result.data
    else for (const [name, value] of result.data) data.set(name, value)
  }
  return data
}

function applies(strategy: Strategy, data: Fields | undefined, complete: boolean, failed: boolean): boolean {
  switch (strategy) {
    case 'always':
      return true
    case 'success':
      return !failed
    case 'errored':
      return failed
    case 'complete':
      return complete
    case 'incomplete':
      return data === undefined || !complete
  }
}
