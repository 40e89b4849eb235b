// Keys at the top of a KrakenD file that are about its server: TLS, and what this product needs no word for.
import type { Sketch } from '../sketch.js'
import type { Source } from './source.js'

export function readDownstreamTls(given: Source, sketch: Sketch): void {
  const tls = given.object('tls')
  if (!tls || tls.flag('disabled') === true) return
  const pairs = [tls, ...(tls.objects('keys') ?? [])].flatMap((pair) => {
    const cert = pair.text('public_key')
    const key = pair.text('private_key')
    return cert === undefined || key === undefined ? [] : [{ cert, key }]
  })
  const version = tls.text('min_version')?.toUpperCase()
  sketch.put(['processor', 'tls'], { certificates: pairs }, tls.path)
  if (version === 'TLS13') sketch.put(['processor', 'tls', 'min_version'], 'TLSv1.3', tls.at('min_version'))
  if (tls.flag('enable_mtls')) {
    const message = '"enable_mtls" of TLS has no counterpart here: requests pass without it'
    tls.note('enable_mtls', message, 'a proxy in front that asks clients for their certificates')
  }
  // Older ones are not spoken.
  tls.noteUnread((key) => ({ message: `"${key}" of TLS has no counterpart here`, hint: 'processor.tls' }))
}

/** What each stands for here, or why it is not needed. */
const USELESS: Readonly<Record<string, string>> = {
  plugin: 'write it as a pipe of your own: `serverpy pipe new NAME` makes one',
  async_agent: 'a service of your own that reads the queue',
  dns_cache_ttl: 'names are looked up anew for each connection',
  disable_rest: 'paths are taken as they are',
  sequential_start: 'endpoints start at once',
  read_timeout: 'processor.limits.body_rate and processor.timeouts.idle',
  write_timeout: 'processor.timeouts.idle',
  disable_keep_alives: 'processor.limits.requests',
  disable_compression: 'the pipe `compress` is off unless it is there',
  max_idle_connections: 'processor.limits.idle_upstream_connections holds for each instance',
  dialer_keep_alive: 'the system decides',
  dialer_fallback_delay: 'the system decides',
  expect_continue_timeout: 'Expect: 100-continue is answered at once',
  use_h2c: 'put a server that speaks HTTP/2 in front',
}

export function noteUseless(given: Source): void {
  given.noteUnread((key) => ({
    message: `the key "${key}" has no counterpart here`,
    hint: (Object.hasOwn(USELESS, key) ? USELESS[key] : undefined) ?? 'see the keys of `processor`',
  }))
}
