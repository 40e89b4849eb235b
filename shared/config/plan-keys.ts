// What the full layout calls a setting of the model, so that a plan speaks the language of the file.

/** By the path in the model, where the name there says more than another form or unit of the same. */
const KEYS: Readonly<Record<string, string>> = {
  'discovery.polling': 'discovery',
  'discovery.store.kind': 'discovery.store',
  'discovery.store.path': 'discovery.store',
  'processor.limits.headerCount': 'processor.limits.fields',
  'processor.limits.requestsPerConnection': 'processor.limits.requests',
  'processor.timeouts.upgradedIdleMs': 'processor.timeouts.upgraded',
  // Of a service.
  'balance.hash.on': 'balance.hash',
  'balance.hash.name': 'balance.hash',
  'balance.sticky.maxAgeSeconds': 'balance.sticky.max_age',
  'retry.backoff.mostMs': 'retry.backoff.max',
  'hedge.after.kind': 'hedge.after',
  'hedge.after.ms': 'hedge.after',
  'hedge.after.q': 'hedge.after',
  'outlier.enabled': 'outlier',
  'outlier.mostMs': 'outlier.max',
  'concurrency.queueMs': 'concurrency.queue_time',
  timeouts: 'timeout',
  'tls.certFile': 'tls.cert',
  'tls.keyFile': 'tls.key',
  // Of an instance.
  'polling.frequency.kind': 'polling.frequency',
  'polling.frequency.ms': 'polling.frequency',
  'polling.frequency.expression': 'polling.frequency',
  'polling.expect.statuses': 'polling.expect.status',
  'polling.expect.body.kind': 'polling.expect.body',
  'polling.expect.body.text': 'polling.expect.body',
  'polling.expect.body.pattern': 'polling.expect.body_pattern',
  'polling.tls.certFile': 'polling.tls.cert',
  'polling.tls.keyFile': 'polling.tls.key',
  // Of a route.
  'match.hosts': 'match.host',
  cacheSeconds: 'cache_ttl',
  inputQuery: 'input_query_strings',
  requestBytes: 'request_size',
}

/** `path` in the model, from the half, or from the service, instance or route on: `timeouts.firstByteMs` is `timeout.first_byte`. */
export function keyOf(path: string): string {
  const known = KEYS[path]
  if (known !== undefined) return known
  const dot = path.lastIndexOf('.')
  const own = path.slice(dot + 1).replace(/(Ms|Bytes)$/, '')
  const spelt = own.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return dot < 0 ? spelt : `${keyOf(path.slice(0, dot))}.${spelt}`
}

/** What a number at `path` counts; empty: itself. */
export function unitOf(path: string): string {
  if (/(\.ms|Ms)$/.test(path)) return ' ms'
  return path.endsWith('Seconds') ? ' s' : ''
}
