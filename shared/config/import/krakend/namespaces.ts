// The namespaces of `extra_config`: which of them are read where, and what stands in for the others.
import { quoted } from '../../problem.js'
import type { Source } from './source.js'

/** What is done with a namespace; it stands at `key` of `extra`. In the order in which they take effect. */
type Namespaces = readonly (readonly [name: string, read: (extra: Source, key: string) => void])[]

/** Names of version 2, which KrakenD still takes. */
const ALIASES: Readonly<Record<string, string>> = {
  proxy: 'github.com/devopsfaith/krakend/proxy',
  router: 'github_com/luraproject/lura/router/gin',
  'async/amqp': 'github.com/devopsfaith/krakend-amqp/agent',
  'auth/client-credentials': 'github.com/devopsfaith/krakend-oauth2-clientcredentials',
  'auth/revoker': 'github_com/devopsfaith/bloomfilter',
  'backend/amqp/consumer': 'github.com/devopsfaith/krakend-amqp/consume',
  'backend/amqp/producer': 'github.com/devopsfaith/krakend-amqp/produce',
  'backend/graphql': 'github.com/devopsfaith/krakend/transport/http/client/graphql',
  'backend/http': 'github.com/devopsfaith/krakend/http',
  'backend/lambda': 'github.com/devopsfaith/krakend-lambda',
  'backend/pubsub/publisher': 'github.com/devopsfaith/krakend-pubsub/publisher',
  'backend/pubsub/subscriber': 'github.com/devopsfaith/krakend-pubsub/subscriber',
  'auth/signer': 'github.com/devopsfaith/krakend-jose/signer',
  'auth/validator': 'github.com/devopsfaith/krakend-jose/validator',
  'modifier/lua-backend': 'github.com/devopsfaith/krakend-lua/proxy/backend',
  'modifier/lua-endpoint': 'github.com/devopsfaith/krakend-lua/router',
  'modifier/lua-proxy': 'github.com/devopsfaith/krakend-lua/proxy',
  'modifier/martian': 'github.com/devopsfaith/krakend-martian',
  'plugin/http-client': 'github.com/devopsfaith/krakend/transport/http/client/executor',
  'plugin/http-server': 'github_com/devopsfaith/krakend/transport/http/server/handler',
  'plugin/req-resp-modifier': 'github.com/devopsfaith/krakend/proxy/plugin',
  'qos/circuit-breaker': 'github.com/devopsfaith/krakend-circuitbreaker/gobreaker',
  'qos/http-cache': 'github.com/devopsfaith/krakend-httpcache',
  'qos/ratelimit/proxy': 'github.com/devopsfaith/krakend-ratelimit/juju/proxy',
  'qos/ratelimit/router': 'github.com/devopsfaith/krakend-ratelimit/juju/router',
  'security/bot-detector': 'github_com/devopsfaith/krakend-botdetector',
  'security/cors': 'github_com/devopsfaith/krakend-cors',
  'security/http': 'github_com/devopsfaith/krakend-httpsecure',
  'telemetry/gelf': 'github_com/devopsfaith/krakend-gelf',
  'telemetry/influx': 'github_com/letgoapp/krakend-influx',
  'telemetry/logging': 'github_com/devopsfaith/krakend-gologging',
  'telemetry/logstash': 'github_com/devopsfaith/krakend-logstash',
  'telemetry/metrics': 'github_com/devopsfaith/krakend-metrics',
  'telemetry/opencensus': 'github_com/devopsfaith/krakend-opencensus',
  'validation/cel': 'github.com/devopsfaith/krakend-cel',
  'validation/json-schema': 'github.com/devopsfaith/krakend-jsonschema',
}

const MODULE = 'write it as a pipe of your own: `serverpy pipe new NAME` makes one'
const NO_BACKEND = 'put a small HTTP service in front of it and name that one as the host'

/** By the beginning of the name; the first that fits. */
const INSTEAD: readonly (readonly [prefix: string, hint: string])[] = [
  ['modifier/lua', MODULE],
  ['modifier/martian', 'the pipes `headers` and `rewrite`; for bodies, a pipe of your own'],
  ['modifier/jmespath', 'target, allow, deny, mapping and flatmap of a part; or a pipe of your own'],
  ['modifier/response-headers', 'the pipe `headers`'],
  ['modifier/', MODULE],
  ['plugin/', MODULE],
  ['proxy', 'the keys of `merge`'],
  ['telemetry/logging', 'logs are lines of JSON on the standard output; --level sets how much'],
  ['telemetry/metrics', 'metrics are at /metrics of the discovery server, in the format of Prometheus'],
  ['telemetry/opencensus', 'metrics are at /metrics of the discovery server; processor.tracing sends spans'],
  ['telemetry/opentelemetry', 'metrics are at /metrics of the discovery server; processor.tracing sends spans'],
  ['telemetry/', 'metrics are at /metrics of the discovery server, in the format of Prometheus'],
  ['documentation/', 'nothing reads it while requests are served: leave it out'],
  ['auth/validator', 'the pipe `auth-jwt` on each route'],
  ['auth/api-keys', 'the pipe `auth-key`'],
  ['auth/basic', 'the pipe `auth-basic`'],
  ['auth/signer', 'the pipe `jwt-sign` on each route'],
  ['auth/revoker', 'the pipe `auth-forward` with a service that knows the revoked tokens'],
  ['auth/', 'a pipe of your own that adds the credentials'],
  ['qos/ratelimit', 'the pipe `rate-limit`'],
  ['qos/http-cache', 'the pipe `cache`'],
  ['qos/circuit-breaker', 'breaker of a service'],
  ['qos/', 'the pipes `rate-limit` and `concurrency`'],
  ['security/http', 'the pipe `headers`'],
  ['security/cors', 'the pipe `cors` of the processor'],
  ['security/bot-detector', 'the pipe `bot` of the processor'],
  ['security/policies', 'the pipe `expression`'],
  ['security/', 'the pipes `ip`, `filter` and `expression`'],
  ['validation/cel', 'the pipe `expression`'],
  ['validation/json-schema', 'the pipe `validate`'],
  ['validation/response-json-schema', MODULE],
  ['router', 'the routes themselves'],
  ['server/', 'a route with `fixed`, or a service that serves the files'],
  ['websocket', '`upgrade: [websocket]` of a route with `service`'],
  ['workflow', '`merge` with `sequential`'],
  ['backend/http/client', 'tls of the service'],
  ['backend/', NO_BACKEND],
  ['async/', 'a service of your own that reads the queue'],
  ['grpc', 'a route with `service` passes gRPC-Web on as it is'],
]

/** Without these, requests pass that were refused. */
const GUARDS = /^(?:auth\/(?:validator|api-keys|basic|revoker)|security\/(?!http|cors)|validation\/|qos\/ratelimit)/

/** Reads what `known` names, and notes the rest with what would replace it. */
export function readExtraConfig(owner: Source, known: Namespaces): void {
  const extra = owner.object('extra_config')
  if (!extra) return
  for (const [name, read] of known) {
    for (const key of [name, ALIASES[name]]) {
      if (key !== undefined && extra.has(key)) read(extra, key)
    }
  }
  extra.noteUnread((key) => {
    const name = Object.keys(ALIASES).find((one) => ALIASES[one] === key) ?? key
    const hint = INSTEAD.find(([prefix]) => name.startsWith(prefix))?.[1]
    if (hint === undefined) return { message: `the namespace ${quoted(key)} is not known`, hint: MODULE }
    const open = GUARDS.test(name) ? ': requests pass without it' : ''
    return { message: `${quoted(key)} has no counterpart here${open}`, hint }
  })
}
