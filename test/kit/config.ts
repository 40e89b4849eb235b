// A Config for tests, made by the real parser from a document in either layout.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../shared/config/model.js'
import { parseConfig } from '../../shared/config/parse.js'
import { formatProblem } from '../../shared/config/problem.js'

/** Throws with every problem that the document has. Relative files lie below `file`'s folder. */
export function parseTestConfig(document: unknown, file = join(tmpdir(), 'serverpy-test.json')): Config {
  const parsed = parseConfig(JSON.stringify(document, null, 2), file, {})
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'))
  return parsed.config
}
