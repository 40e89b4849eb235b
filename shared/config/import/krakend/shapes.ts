// Blocks that endpoints and backends have in common.
import type { Source } from './source.js'

/** Steps that change the shape of the data; undefined for none. */
export function readFlatmap(proxy: Source): unknown {
  const steps = proxy.objects('flatmap_filter')
  if (!steps || steps.length === 0) return undefined
  return steps.map((step) => ({ type: step.text('type'), args: step.texts('args') }))
}

/** `client_tls` as `tls` of a service. */
export function readClientTls(given: Source | undefined): Record<string, unknown> | undefined {
  if (!given) return undefined
  const [authority] = given.texts('ca_certs') ?? []
  const [own] = given.objects('client_certs') ?? []
  const insecure = given.flag('allow_insecure_connections')
  const tls = {
    ...(insecure === true && { verify: false }),
    ...(authority !== undefined && { ca_file: authority }),
    ...(own && { cert: own.text('certificate'), key: own.text('private_key') }),
  }
  given.noteUnread((key) => ({
    message: `"${key}" of connections to backends has no counterpart here`,
    hint: 'tls of a service',
  }))
  return Object.keys(tls).length > 0 ? tls : undefined
}

interface Client {
  readonly noRedirect: boolean
  /** Keys of the service. */
  readonly service: Readonly<Record<string, unknown>>
}

/** `backend/http/client`. */
export function readClient(given: Source | undefined): Client {
  const tls = readClientTls(given?.object('client_tls'))
  const noRedirect = given?.flag('no_redirect') === true || given?.flag('no_redirects') === true
  // Where a redirect keeps its method it keeps its body, too.
  given?.flag('send_body_on_redirect')
  given?.noteUnread((key) => ({
    message: `"${key}" of a client has no counterpart here`,
    hint: 'the keys of the service',
  }))
  return { noRedirect, service: tls ? { tls } : {} }
}
