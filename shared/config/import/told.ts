// Parts of a file that are only told of may hold what nobody can read here: variables of another language, unknown tags.
import type { Document, Place } from '../document.js'
import type { Problem } from '../model.js'
import { isObject } from '../reader.js'

/** The problems of a file but for those inside of `keys`. Keys that are there twice stay problems: one of them is not told of. */
export function problemsOutside(keys: readonly string[], file: Document): readonly Problem[] {
  const { data, problems, duplicates } = file
  if (!isObject(data) || problems.length === 0) return problems
  const inside = keys.filter((key) => Object.hasOwn(data, key)).map((key) => reachOf(key, Object.keys(data), file))
  return problems.filter((problem) => {
    const isTwice = duplicates.some(({ from }) => from.line === problem.line && from.col === problem.col)
    return isTwice || !inside.some(({ from, to }) => !isBefore(problem, from) && (!to || isBefore(problem, to)))
  })
}

/** From the key to the next one that stands behind it; without `to`: to the end of the file. */
function reachOf(key: string, keys: readonly string[], { place }: Document): { from: Place; to: Place | undefined } {
  const from = place([key], 'key')
  let to: Place | undefined
  for (const other of keys) {
    const at = place([other], 'key')
    if (isBefore(from, at) && (!to || isBefore(at, to))) to = at
  }
  return { from, to }
}

function isBefore(a: Place, b: Place): boolean {
  return a.line < b.line || (a.line === b.line && a.col < b.col)
}
