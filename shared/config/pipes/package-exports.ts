// Which file of a package `import` takes: the `exports` of its package.json, without asking Node.js, which answers such a
// question only for the module that asks.
import { isObject } from '../reader.js'

const CONDITIONS = new Set(['node', 'import', 'module-sync', 'default'])

/** `subpath` begins with a dot. Undefined where the package does not export it. */
export function exportedFile(exported: unknown, subpath: string): string | undefined {
  const bySubpath = isObject(exported) && !Array.isArray(exported) && Object.keys(exported).some(isSubpath)
  if (!bySubpath) return subpath === '.' ? targetOf(exported, '') : undefined
  const all = exported as Readonly<Record<string, unknown>>
  if (Object.hasOwn(all, subpath) && !subpath.includes('*')) return targetOf(all[subpath], '')
  let best: { readonly key: string; readonly part: string } | undefined
  for (const key of Object.keys(all)) {
    const part = partOf(key, subpath)
    if (part !== undefined && key.indexOf('*') > (best?.key.indexOf('*') ?? -1)) best = { key, part }
  }
  return best && targetOf(all[best.key], best.part)
}

function isSubpath(key: string): boolean {
  return key.startsWith('.')
}

/** What stands for the `*` of `key`. */
function partOf(key: string, subpath: string): string | undefined {
  const star = key.indexOf('*')
  if (star < 0) return undefined
  const [before, after] = [key.slice(0, star), key.slice(star + 1)]
  const fits = subpath.length >= key.length && subpath.startsWith(before) && subpath.endsWith(after)
  return fits ? subpath.slice(star, subpath.length - after.length) : undefined
}

function targetOf(target: unknown, part: string): string | undefined {
  if (typeof target === 'string') {
    const file = target.replaceAll('*', part)
    // It must not lead out of the package.
    return file.startsWith('./') && !file.split('/').includes('..') ? file : undefined
  }
  if (!isObject(target)) return undefined
  const choices = Array.isArray(target)
    ? (target as unknown[])
    : Object.entries(target).flatMap(([name, value]) => (CONDITIONS.has(name) ? [value] : []))
  for (const choice of choices) {
    const file = targetOf(choice, part)
    if (file !== undefined) return file
  }
  return undefined
}
