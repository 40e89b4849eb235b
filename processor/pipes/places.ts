// Which pipes an exchange passes: those of the processor, of the host that it is for, and of its route, in this order.
import type { HostConfig, PipeConfig, ProcessorConfig } from '../../shared/config/model.js'
import { matchesHost } from '../routing/trie.js'

/** The hosts with pipes of their own, the most specific first: one by its name, then the longest pattern. */
export function bySpecificity(hosts: readonly HostConfig[]): readonly HostConfig[] {
  return [...hosts].sort(
    (a, b) => Number(a.host.startsWith('*')) - Number(b.host.startsWith('*')) || b.host.length - a.host.length,
  )
}

/** `sorted` by specificity. */
export function hostFor(sorted: readonly HostConfig[], host: string): HostConfig | undefined {
  return sorted.find((one) => matchesHost(one.host, host))
}

/** `own`: of the route. */
export function pipesOn(
  processor: Pick<ProcessorConfig, 'pipes'>,
  host: HostConfig | undefined,
  own: readonly PipeConfig[],
): readonly PipeConfig[] {
  return [...processor.pipes, ...(host?.pipes ?? []), ...own]
}
