// A pipe of the imported config, written option by option, each with where it comes from.
import type { Path } from '../../document.js'
import type { Sketch } from '../sketch.js'
import type { Source } from './source.js'

/** Sets an option; `key` is the one of the source that it comes from. Undefined values set nothing. */
export type SetOption = (name: string, value: unknown, key?: string) => void

/** Adds a pipe at the end of `list`, made from the block `source`. */
export function addPipe(sketch: Sketch, list: Path, use: string, source: Source): SetOption {
  const path = sketch.add(list, { use }, source.path)
  return (name, value, key) => sketch.put([...path, name], value, key === undefined ? source.path : source.at(key))
}

/** Undefined in place of a list without entries, which says the same in KrakenD. */
export function some<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list && list.length > 0 ? list : undefined
}
