// What the parser says of one pipe of a config: its faults, its warnings, and the options that it came to.
import { parseConfig } from '../../../shared/config/parse.js'
import { formatProblem } from '../../../shared/config/problem.js'

export interface Said {
  readonly faults: readonly string[]
  readonly warnings: readonly string[]
  readonly options: unknown
}

/** Each entry of `pipe` stands on a line of its own, the first on line 5, so that places can be asserted. */
export function saidOf(pipe: Record<string, unknown>, env: Record<string, string> = {}): Said {
  const lines = Object.entries(pipe).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
  const text = `{"version":1,
"services":{"api":{"servers":["127.0.0.1:1"],"polling":{"method":"tcp"},
"apis":["/"],
"pipes":[{
${lines.join(',\n')}
}]}}}`
  const parsed = parseConfig(text, 'test.json', env)
  if (!parsed.ok) return { faults: parsed.problems.map(formatProblem), warnings: [], options: undefined }
  const options = parsed.config.routes[0]?.pipes[0]?.options
  return { faults: [], warnings: parsed.warnings.map(formatProblem), options }
}
