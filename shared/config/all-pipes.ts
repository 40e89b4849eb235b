// Every pipe of a config, wherever it stands, and the names under which they are counted.
import type { Config, PipeConfig } from './model.js'

/** At each place where one stands, in the order of the request's way. */
export function allPipes({ processor, routes }: Pick<Config, 'processor' | 'routes'>): PipeConfig[] {
  return [processor.pipes, ...processor.hosts.map(({ pipes }) => pipes), ...routes.map(({ pipes }) => pipes)].flat()
}

/** Several pipes may have one name; what they count is added up. */
export function pipeNames(config: Pick<Config, 'processor' | 'routes'>): Set<string> {
  return new Set(allPipes(config).map(({ name }) => name))
}
