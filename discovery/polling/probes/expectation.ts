// What an answer must be for a health probe to pass.
import { createContext, Script } from 'node:vm'
import type { HealthExpectation } from '../../../shared/config/model.js'
import { ownFault, passed, wrong, type Finding } from './probe.js'

/** Only so much of a body is read, kept and searched. */
export const MAX_BODY_BYTES = 64 * 1024

// A pattern may backtrack for ever on the wrong input; the script's time limit can stop it, a plain call cannot.
const MATCH_TIMEOUT_MS = 25

export interface Answer {
  readonly status: number
  readonly latencyMs: number
  /** Empty unless a body is expected. */
  readonly body: string
}

export function judge({ status, latencyMs, body }: Answer, expect: HealthExpectation): Finding {
  const line = `HTTP ${status}`
  if (!expect.statuses.some(([low, high]) => low <= status && status <= high)) return wrong(line)
  if (expect.maxLatencyMs !== undefined && latencyMs > expect.maxLatencyMs) {
    return wrong(`${line}: took ${Math.round(latencyMs)} ms, more than ${expect.maxLatencyMs} ms`)
  }
  if (!expect.body) return passed(line)
  const found = expect.body.kind === 'text' ? body.includes(expect.body.text) : matches(expect.body.pattern, body)
  if (typeof found === 'string') return ownFault(`${line}: ${found}`)
  return found ? passed(line) : wrong(`${line}: body does not match`)
}

const patterns = new Map<string, RegExp>()
const MAX_PATTERNS = 1000
const sandbox = createContext({ pattern: /(?:)/, body: '' })
const match = new Script('pattern.test(body)')

/** A text where the pattern itself is at fault. */
function matches(source: string, body: string): boolean | string {
  try {
    let pattern = patterns.get(source)
    if (!pattern) {
      if (patterns.size >= MAX_PATTERNS) patterns.clear()
      pattern = new RegExp(source)
      patterns.set(source, pattern)
    }
    Object.assign(sandbox, { pattern, body })
    return match.runInContext(sandbox, { timeout: MATCH_TIMEOUT_MS }) === true
  } catch (error) {
    const tooLong = (error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    return tooLong ? 'the pattern takes too long to match' : 'the pattern is not valid'
  }
}
