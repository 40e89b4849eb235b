// What a discovery server answers about a plan, as the commands read it.
import type { Problem } from '../../shared/config/model.js'
import type { Plan } from '../../shared/config/plan.js'
import { formatProblems } from '../../shared/config/problem.js'

interface PlanBody {
  readonly plan: Omit<Plan, 'workers'> & { readonly workers: Plan['workers'] | null }
}

interface FaultsBody {
  readonly problems: readonly (Omit<Problem, 'hint'> & { readonly hint: string | null })[]
}

export function readPlan(body: unknown): Plan {
  const { workers, ...plan } = (body as PlanBody).plan
  return { ...plan, ...(workers && { workers }) }
}

/** Each fault of a refused file, on a line. */
export function faultsOf(body: unknown): string[] {
  const { problems } = body as FaultsBody
  return formatProblems(problems.map(({ hint, ...problem }) => ({ ...problem, ...(hint !== null && { hint }) })))
}
