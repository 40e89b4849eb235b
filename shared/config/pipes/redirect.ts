// The options of `redirect`.
import { z } from 'zod'
import type { Fault } from '../problem.js'
import { text } from '../schema/fields.js'
import { readHost } from '../text/host.js'
import { builtIn } from './builtin.js'
import { readTemplate, template, toTemplate, type Template } from './template.js'

export interface RedirectOptions {
  readonly status: 301 | 302 | 303 | 307 | 308
  /** Where to: a path, or a whole URL; undefined: the same path and query. */
  readonly to?: Template
  readonly https: boolean
  /** `host` or `host:port`, in place of the one that was asked for. */
  readonly host?: string
}

const STATUSES = [301, 302, 303, 307, 308] as const

function locationFault(location: string): Fault | undefined {
  if (!/^(?:https?:\/\/[^/\\]|\/(?![/\\]))/.test(location))
    return { message: 'must be a path that begins with one "/", or a URL with http:// or https://' }
  return /^[\x21-\x7e]*$/.test(location) ? undefined : { message: 'holds printable ASCII only' }
}

/** Whoever chooses the host of a redirect chooses where clients go: only the config may. */
function targetFault(given: string): Fault | undefined {
  const read = readTemplate(given)
  if ('message' in read) return undefined
  const [first] = read
  if (typeof first !== 'string') return { message: 'must begin with text', hint: 'such as /new/{param.id}' }
  if (first.startsWith('/') || read.length === 1 || /^https?:\/\/[^/]+\//.test(first)) return undefined
  const [, slot] = read
  return /^https?:\/\/$/.test(first) && typeof slot === 'object' && slot.of === 'host'
    ? undefined
    : { message: 'only {host} may stand in the host of a redirect' }
}

function hostPortFault(given: string): Fault | undefined {
  const [, host = '', port] = /^(.*?)(?::(\d{1,5}))?$/.exec(given) ?? []
  const read = readHost(host.replace(/^\[(.*)\]$/, '$1'))
  if ('fault' in read) return read.fault
  return port !== undefined && (Number(port) < 1 || Number(port) > 65_535) ? { message: 'not a port' } : undefined
}

const to = template(locationFault).check((context) => {
  const fault = targetFault(context.value)
  if (fault)
    context.issues.push({
      code: 'custom',
      message: fault.message,
      params: { hint: fault.hint },
      input: context.value,
    })
})

const schema = z.strictObject({
  to: to.optional().meta({
    description: 'Where to: a path or a URL, with places such as {param.id}. Without it, path and query stay.',
  }),
  status: z.literal(STATUSES).optional().meta({ description: 'Status of the answer.', default: 302 }),
  https: z.boolean().optional().meta({ description: 'To https; requests that came so pass.', default: false }),
  host: text(hostPortFault)
    .optional()
    .meta({ description: 'To this host, with a port where it has one; requests for it pass.' }),
})

export const redirect = builtIn({
  name: 'redirect',
  description: 'Sends clients elsewhere.',
  schema,
  read(draft, path, { report }): RedirectOptions {
    const { to: target, host } = draft
    if (target === undefined && host === undefined && draft.https !== true && !report.has([...path, 'to']))
      report.fault(path, { message: 'a redirect needs "to", "host" or "https: true"' }, 'key')
    if (target !== undefined && /^https?:/.test(target) && (host !== undefined || draft.https !== undefined))
      report.fault([...path, 'to'], { message: '"to" says scheme and host already', hint: 'or begin it with "/"' })
    return {
      status: draft.status ?? 302,
      ...(target !== undefined && { to: toTemplate(target) }),
      https: draft.https ?? false,
      ...(host !== undefined && { host: host.toLowerCase() }),
    }
  },
})
