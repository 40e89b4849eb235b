// Which header fields a pipe may change: framing, and what the gateway says about itself, are the gateway's own.
import type { Path } from '../document.js'
import type { Context } from '../normalise/context.js'
import type { Fault } from '../problem.js'
import { FRAMING_FIELDS, sentFieldFault } from '../text/http.js'

/** The instance gets the host that the client meant, and this hop's own lines. */
const OF_REQUESTS: ReadonlySet<string> = new Set([
  'host',
  'via',
  'x-request-id',
  'traceparent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
])
const OF_ANSWERS: ReadonlySet<string> = new Set(['date', 'via', 'x-request-id', 'proxy-status'])

/** In lower case: on one side or the other no pipe may change them. */
export const OWN_FIELDS: readonly string[] = [...new Set([...FRAMING_FIELDS, ...OF_REQUESTS, ...OF_ANSWERS])]

export function changedFieldFault(name: string, side: 'request' | 'response'): Fault | undefined {
  const own = side === 'request' ? OF_REQUESTS : OF_ANSWERS
  if (own.has(name.toLowerCase())) return { message: `the gateway sets ${name.toLowerCase()} itself` }
  return sentFieldFault(name)
}

/** Reports each name that may not be changed; `paths` says where a name stands. */
export function checkFieldNames(
  names: readonly string[],
  side: 'request' | 'response',
  pathOf: (name: string, i: number) => Path,
  part: 'key' | 'value',
  { report }: Context,
): void {
  names.forEach((name, i) => {
    const fault = changedFieldFault(name, side)
    if (fault) report.fault(pathOf(name, i), fault, part)
  })
}
