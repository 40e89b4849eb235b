// /api/v1/purge: stored answers of the pipe `cache` are thrown away, in every worker of this process and in those of
// processors that run apart.
import type { Purge } from '../../../shared/processor.js'
import { requireChanger } from '../access.js'
import type { Changes } from '../changes.js'
import type { ApiDeps } from '../deps.js'
import { sendJson, type Endpoint } from '../endpoint.js'
import { ApiProblem, badField } from '../problem.js'
import { readQuery } from '../query.js'

/** `url`, `prefix` or `all`, and no two of them. */
export function purgeEndpoint(deps: ApiDeps, changes: Pick<Changes, 'purge' | 'purgers'>): Endpoint {
  return async (req, res) => {
    requireChanger(req, deps.config.discovery.token)
    const query = readQuery(req, ['url', 'prefix', 'all'])
    const [url, prefix, all] = [query.text('url'), query.text('prefix'), query.flag('all')]
    const given = [url !== undefined, prefix !== undefined, all].filter(Boolean).length
    if (given !== 1) throw new ApiProblem(400, 'say what is to be purged: one of url, prefix and all=true')
    const purge: Purge = all
      ? { kind: 'all' }
      : url !== undefined
        ? { kind: 'url', ...placeOf('url', url) }
        : { kind: 'prefix', ...placeOf('prefix', prefix ?? '') }
    const { processor } = deps.lifecycle
    const elsewhere = changes.purgers
    if (processor === undefined && elsewhere === 0)
      throw new ApiProblem(503, 'no request processor runs in this process, and none that runs apart follows it')
    changes.purge(purge)
    const { answers, workers, silent } = (await processor?.purge(purge)) ?? { answers: 0, workers: 0, silent: 0 }
    sendJson(res, { answers, workers, silent, elsewhere })
  }
}

/** The path as it is written: what is stored is named by the path that clients send. */
const FORM = /^https?:\/\/([^/?#@\s\p{Cc}]+)(\/[^#\s\p{Cc}]*)?$/iu

function placeOf(field: string, text: string): { readonly host: string; readonly target: string } {
  const [, host, target = '/'] = FORM.exec(text) ?? []
  if (host === undefined) throw badField(field, 'must be a http or https URL without a user and without #')
  return { host: host.toLowerCase(), target }
}
