// /api/v1: what the config file would change, and its being taken; workers replaced one by one.
import type { Problem } from '../../../shared/config/model.js'
import { isEmpty, type Plan } from '../../../shared/config/plan.js'
import { requireChanger } from '../access.js'
import type { ApiDeps, Control, Planned } from '../deps.js'
import { sendJson, type Endpoint } from '../endpoint.js'
import { ApiProblem } from '../problem.js'
import { readQuery } from '../query.js'

/** The server reads its own file: nobody can hand it another one from afar. */
export function planEndpoint(deps: ApiDeps): Endpoint {
  return async (req, res) => {
    requireChanger(req, deps.config.discovery.token)
    readQuery(req, [])
    sendJson(res, planView(planOf(await controlOf(deps).plan())))
  }
}

export function reloadEndpoint(deps: ApiDeps): Endpoint {
  return async (req, res) => {
    requireChanger(req, deps.config.discovery.token)
    const workers = readQuery(req, ['workers']).flag('workers')
    const control = controlOf(deps)
    const { replaceWorkers } = control
    if (workers && replaceWorkers === undefined) throw new ApiProblem(503, 'no request processor runs in this process')
    // The config first: the new workers then begin with it.
    const plan = planOf(await control.reload())
    if (!workers || replaceWorkers === undefined) return sendJson(res, planView(plan))
    const { replaced, draining } = await replaceWorkers().catch((error: unknown) => {
      throw new ApiProblem(503, error instanceof Error ? error.message : String(error))
    })
    sendJson(res, { ...planView(plan), replaced_workers: { replaced, draining } })
  }
}

function controlOf({ lifecycle }: ApiDeps): Control {
  if (lifecycle.control === undefined) throw new ApiProblem(503, 'this server has not started yet')
  return lifecycle.control
}

/** Throws an ApiProblem, 422, that names every fault of the file. */
function planOf(planned: Planned): Plan {
  if (planned.ok) return planned.plan
  const { problems } = planned
  const count = problems.length === 1 ? 'a fault' : `${problems.length} faults`
  throw new ApiProblem(422, `the config file has ${count}; the config in force stays`, {
    members: { problems: problems.map(problemView) },
  })
}

function problemView({ file, line, col, path, message, hint }: Problem) {
  return { file, line, col, path, message, hint: hint ?? null }
}

function planView(plan: Plan) {
  const { workers, ...rest } = plan
  return { changed: !isEmpty(plan), plan: { ...rest, workers: workers ?? null } }
}
