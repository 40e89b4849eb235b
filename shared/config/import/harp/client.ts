// How HARP asks the APIs: time limits, tries, certificates and the cache; here each service says that for itself.
import type { Path } from '../../document.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'

export interface HarpClient {
  /** Adds what holds for all APIs to the service at `service`. */
  apply(service: Path): void
}

/** HARP keeps answers unless the file says otherwise. */
export function readClient(root: Section, sketch: Sketch): HarpClient {
  const client = root.section('http_client')
  const transport = client?.section('transport')
  const timeout = client?.value('timeout')
  const retries = transport?.number('retries')
  const verify = transport?.boolean('verify') ?? client?.boolean('verify') ?? true
  const verifyAt = transport?.has('verify') === true ? transport.at('verify') : (client?.at('verify') ?? [])
  if (client !== undefined && timeout !== undefined) {
    for (const key of ['connect', 'first_byte', 'idle'])
      sketch.put(['processor', 'timeouts', key], timeout, client.at('timeout'))
  }
  const cached = readCache(client?.section('cache'), root.section('http_cache'), sketch)
  if (client?.boolean('enabled') === false)
    sketch.note(client.at('enabled'), 'the client cannot be switched off', 'drop it')
  transport?.rest({ type: 'drop it: there is one client' })
  client?.rest({
    type: 'drop it: there is one client',
    proxy_transport: 'write a pipe: it sees every request and answer',
  })
  return {
    apply(service) {
      if (retries !== undefined && transport !== undefined) {
        const attempts = Math.min(retries + 1, 20)
        const retry = attempts > 1 ? { attempts, on: ['connect'] } : { attempts }
        sketch.put([...service, 'retry'], retry, transport.at('retries'))
      }
      if (!verify) sketch.put([...service, 'tls', 'verify'], false, verifyAt)
      if (cached === undefined) return
      sketch.add([...service, 'pipes'], { use: 'cache' }, cached)
    },
  }
}

const STORAGE = {
  type: 'drop it',
  base: 'drop it',
  ttl: 'have the API say how long an answer is fresh, or set its Cache-Control with the pipe headers',
  check_ttl_every: 'drop it: what is old is found when it is asked for, or when room is needed',
  allow_heuristics: 'see docs/pipes/cache.md',
}

/** Where the cache is set; undefined: there is none. */
function readCache(older: Section | undefined, newer: Section | undefined, sketch: Sketch): Path | undefined {
  const cache = newer ?? older
  if (newer && older) sketch.note(older.path, '"http_cache" says the same', 'drop one of the two')
  if (cache === undefined) return []
  const enabled = cache.boolean('enabled') ?? true
  const policy = cache.section('policy')
  const policyArguments = policy?.section('arguments')
  const options = policyArguments?.section('cache_options') ?? policyArguments
  readOptions(options, sketch)
  policyArguments?.rest()
  policy?.rest({ type: 'drop it: answers are kept as RFC 9111 says' })
  const storage = cache.section('storage')
  storage?.section('arguments')?.rest(STORAGE)
  storage?.rest(STORAGE)
  cache.rest({
    transport: 'drop it: there is one cache',
    controller: 'drop it: answers are kept as RFC 9111 says; see docs/pipes/cache.md',
  })
  return enabled ? cache.path : undefined
}

function readOptions(options: Section | undefined, sketch: Sketch): void {
  if (options === undefined) return
  if (options.boolean('shared') === false)
    sketch.note(options.at('shared'), 'the cache is a shared one', 'answers that are private are not kept')
  const methods = options.list('supported_methods').map(({ value }) => String(value).toUpperCase())
  if (methods.length > 0 && [...new Set(methods)].sort().join() !== 'GET,HEAD')
    sketch.note(
      options.at('supported_methods'),
      'answers to GET and HEAD are kept, and to no other method',
      'have the API send Cache-Control: no-store where an answer shall not be kept',
    )
  options.boolean('allow_stale')
  if (options.value('allow_stale') === true)
    sketch.note(
      options.at('allow_stale'),
      'old answers are given only as Cache-Control allows',
      'have the API send stale-while-revalidate or stale-if-error',
    )
  options.rest()
}
