// To whom the pipe at a place of the config belongs, by a name that outlives a move in the file: what one pipe remembers may
// go over to the same pipe of a later config, never to one that is for other requests.
import type { Config, PipeConfig } from '../../shared/config/model.js'

export type Owners = ReadonlySet<string>

type Places = Pick<Config, 'processor' | 'routes'>

/** `ownerOf` of every place where a pipe stands. `placeOf`: tells places of one config apart. */
export function ownersOf(config: Places, placeOf: (pipe: PipeConfig) => string): ReadonlyMap<string, Owners> {
  const owners = new Map<string, Set<string>>()
  const add = (pipes: readonly PipeConfig[], owner: string): void => {
    for (const pipe of pipes) {
      const place = placeOf(pipe)
      const known = owners.get(place)
      if (known === undefined) owners.set(place, new Set([owner]))
      else known.add(owner)
    }
  }
  add(config.processor.pipes, 'processor')
  for (const { host, pipes } of config.processor.hosts) add(pipes, `host ${host}`)
  // A service's stand at each of its routes, of which it may get more.
  for (const { id, pipes } of config.routes) add(pipes, `route ${id}`)
  return owners
}

/** Whether they have an owner in common. */
export function isSameOwner(a: Owners, b: Owners): boolean {
  for (const owner of a) if (b.has(owner)) return true
  return false
}
