// When two configs mean the same.
import { isDeepStrictEqual } from 'node:util'
import type { Config, PipeConfig } from './model.js'

/** Whether the two mean the same: where in the file a pipe stands says nothing. */
export function isSameConfig(a: Config, b: Config): boolean {
  return isDeepStrictEqual(withoutPlaces(a), withoutPlaces(b))
}

const NOWHERE = { line: 0, col: 0 }

/** With all pipes at the same place of the file. */
export function withoutPlaces(config: Config): Config {
  const { processor, routes } = config
  const plain = <T extends { readonly pipes: readonly PipeConfig[] }>(one: T): T =>
    one.pipes.length === 0 ? one : { ...one, pipes: one.pipes.map((pipe) => ({ ...pipe, at: NOWHERE })) }
  return {
    ...config,
    processor: { ...plain(processor), hosts: processor.hosts.map(plain) },
    routes: routes.map(plain),
  }
}
