// `rewrite`: changes the path and the query that instances are asked for.
import { compilePattern } from '../../../shared/config/pipes/pattern.js'
import type { RewriteOptions } from '../../../shared/config/pipes/rewrite.js'
import { ProxyError } from '../../../shared/errors.js'
import { hasDotSegments } from '../../routing/path.js'
import { definePipe, type PipeExchange } from '../pipe.js'
import { compileQuery } from '../query-edits.js'
import { compileTemplate, inTarget } from '../templates.js'

type Step = (path: string, x: PipeExchange) => string

export default definePipe<RewriteOptions>({
  create(options) {
    const steps = compilePath(options)
    const query = options.query && compileQuery(options.query)
    return {
      onRequest(x) {
        const { target } = x
        const mark = target.indexOf('?')
        let path = mark === -1 ? target : target.slice(0, mark)
        const given = path
        for (const step of steps) path = step(path, x)
        if (path !== given && hasDotSegments(path))
          throw new ProxyError('ambiguous-path', 'client', 'never', 'the path, rewritten, could be read as another one')
        const rest = mark === -1 ? '' : target.slice(mark)
        const next = singleSlash(path) + (query ? query(rest, x) : rest)
        if (next !== target) x.target = next
      },
    }
  },
})

function compilePath({ stripPrefix, pattern, path, addPrefix }: RewriteOptions): Step[] {
  const steps: Step[] = []
  if (stripPrefix !== undefined) steps.push((given) => strip(given, stripPrefix))
  if (pattern !== undefined) {
    const { expression, mostChars } = compilePattern(pattern.source)
    steps.push((given) => {
      if (given.length > mostChars)
        throw new ProxyError('uri-too-long', 'client', 'never', 'the path is longer than can be rewritten')
      return sendable(given.replace(expression, pattern.replacement))
    })
  }
  if (path !== undefined) {
    const made = compileTemplate(path, inTarget)
    steps.push((_, x) => (typeof made === 'string' ? made : made(x)))
  }
  if (addPrefix !== undefined) steps.push((given) => (given === '/' ? addPrefix : addPrefix + given))
  return steps
}

/** `/api` is taken from `/api` and `/api/x`, never from `/apiary`. */
function strip(path: string, prefix: string): string {
  if (!path.startsWith(prefix)) return path
  const rest = path.slice(prefix.length)
  if (rest === '') return '/'
  return rest.startsWith('/') ? rest : path
}

/** The replacement comes from the config and may hold anything. */
function sendable(path: string): string {
  return path.replace(/[^\x21-\x7e\x80-\xff]|[?#]/g, (char) => encodeURIComponent(char))
}

/** What is left may begin with several slashes, or with none: an authority must never be read out of it. */
function singleSlash(path: string): string {
  return path.startsWith('/') && !path.startsWith('//') ? path : `/${path.replace(/^\/+/, '')}`
}
