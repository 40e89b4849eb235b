// HARP's rules are Python: each is named, with the pipe that would do its work.
import { isObject } from '../../reader.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'

const HOOKS: Readonly<Record<string, string>> = {
  on_request: 'onRequest',
  on_remote_request: 'onRequest',
  on_remote_response: 'onResponse',
  on_response: 'onResponse',
}

/** More rules and services than that are not matched with each other: the notes then name no service. */
const MOST_MATCHES = 100_000

/** `services`: by the name that the rules call them. */
export function readRules(
  root: Section,
  services: readonly { readonly name: string; readonly called: string }[],
  sketch: Sketch,
): void {
  // The name of a file that holds them.
  if (typeof root.value('rules') === 'string')
    return sketch.note(root.at('rules'), 'the rules are Python and do not run', 'write a pipe for each of them')
  const rules = root.section('rules')
  const seldom = (rules?.keys.length ?? 0) * services.length < MOST_MATCHES
  for (const endpoint of rules?.keys ?? []) {
    const given = rules?.value(endpoint)
    const patterns = isObject(given) ? rules?.section(endpoint) : undefined
    if (!patterns) {
      const at = rules?.at(endpoint) ?? []
      if (typeof given === 'string')
        sketch.note(at, 'the rules are Python and do not run', 'write a pipe for each of them')
      else if (given !== undefined) sketch.fault(at, 'must be an object')
      continue
    }
    const meant = seldom ? services.filter(({ called }) => globMatches(endpoint, called)) : []
    const service = meant.length === 1 ? meant[0]?.name : undefined
    const place = service === undefined ? 'the services that it is for' : `services.${service}`
    for (const pattern of patterns.keys) {
      const hooks = isObject(patterns.value(pattern)) ? patterns.section(pattern) : undefined
      const file = `./pipes/${service ?? 'rule'}.js`
      const note = (path: readonly (string | number)[], hook: string) =>
        sketch.note(
          path,
          `the rule for ${JSON.stringify(pattern)} is Python and does not run`,
          `write ${file} with ${hook}, and add it to the pipes of ${place}`,
          service === undefined ? {} : { at: ['services', service] },
        )
      if (!hooks) note(patterns.at(pattern), 'onRequest or onResponse')
      for (const hook of hooks?.keys ?? []) {
        note(hooks?.at(hook) ?? [], Object.hasOwn(HOOKS, hook) ? (HOOKS[hook] ?? '') : 'onRequest or onResponse')
      }
    }
  }
}

/** Shell globs of names: `*` and `?`. Linear in each step, whatever the pattern. */
function globMatches(glob: string, name: string): boolean {
  let g = 0
  let star = -1
  let from = 0
  for (let n = 0; n < name.length;) {
    if (glob[g] === '*') {
      star = g++
      from = n
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === name[n])) {
      g++
      n++
    } else if (star !== -1) {
      g = star + 1
      n = ++from
    } else return false
  }
  while (glob[g] === '*') g++
  return g === glob.length
}
