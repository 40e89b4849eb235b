// Expands ${VAR} and ${VAR:-default} in the texts of a config file.
import type { Fault } from './problem.js'

export type Environment = Readonly<Record<string, string | undefined>>

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/

/** As a shell does: the default also stands in for an empty variable. `$${` gives a literal `${`. */
export function expand(text: string, env: Environment): { text: string; faults: Fault[] } {
  const faults: Fault[] = []
  const expanded = text.replace(REFERENCE, (all, inner: string | undefined, close: string | undefined) => {
    if (all === '$${') return '${'
    const [, name, fallback] = NAME.exec(inner ?? '') ?? []
    if (name === undefined || close !== '}') {
      faults.push({ message: 'a variable is written ${NAME} or ${NAME:-default}', hint: 'write $${ for a literal ${' })
      return ''
    }
    const value = env[name]
    if (value !== undefined && (value !== '' || fallback === undefined)) return value
    if (fallback !== undefined) return fallback
    faults.push({ message: `the variable ${name} is not set`, hint: `set it, or give a default: \${${name}:-…}` })
    return ''
  })
  return { text: expanded, faults }
}

/** Whether the whole text is one reference, so that its value may be a number or a boolean. */
export function isReference(template: string): boolean {
  return /^\$\{[^}]*\}$/.test(template)
}

/** The number or boolean that a text spells, if it does. */
export function scalarOf(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  return isNumeric(text) ? Number(text) : undefined
}

export function isNumeric(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text)
}
