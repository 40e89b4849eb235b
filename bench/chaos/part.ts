// What the command is made of: each part has a section of its own on the page.
import type { Check } from '../endurance/check.js'
import { table } from '../endurance/report.js'
import type { Cluster } from './cluster.js'
import type { Bench } from './trials/trial.js'

export interface Choice {
  readonly faults: readonly string[]
  readonly rates: readonly number[]
  readonly peers: readonly string[]
  readonly minutes: number
}

export interface PartResult {
  /** For the page: tables. */
  readonly text: string
  /** What was promised and did not hold, a line each. */
  readonly broken: readonly string[]
}

export interface ChaosPart {
  readonly title: string
  run(bench: Bench, cluster: Cluster, choice: Choice): Promise<PartResult>
}

export function fromChecks(checks: readonly Check[]): PartResult {
  return {
    text: table(checks),
    broken: checks.filter(({ held }) => !held).map(({ what, seen, bound }) => `${what}: ${seen}, ${bound} wanted`),
  }
}
