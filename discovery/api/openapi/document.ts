// The OpenAPI 3.1 document of the API; every answer is held against it by the tests.
import { REPORT_ID_HEADER } from '../../../shared/metrics/limits.js'
import { PROBLEM_TYPE } from '../../../shared/problem.js'
import { EXPOSITION_TYPE } from '../exposition.js'
import { planSchemas } from './plan.js'
import { oneOf, ref, text, type Schema } from './schema.js'
import { schemas } from './schemas.js'
import { wireSchemas } from './wire.js'

interface Parameter {
  readonly name: string
  readonly in: 'query' | 'path' | 'header'
  readonly required: boolean
  readonly description: string
  readonly schema: Schema
}

interface Operation {
  readonly summary: string
  readonly parameters?: readonly Parameter[]
  readonly security?: readonly object[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
}

const JSON_TYPE = 'application/json'
const PROBLEM_STATUSES: Readonly<Record<string, string>> = {
  '400': 'A key of the query, or a member of the body, is unknown or wrong; `field` names it',
  '401': 'The token is missing or wrong',
  '403': 'Without a token only this machine may do this',
  '404': 'There is no such thing',
  '405': 'The method is not allowed here; Allow names those that are',
  '413': 'The body is too large',
  '415': 'The body is not application/json, or it is compressed',
  '500': 'The discovery server failed',
  '503': 'Not available now; Retry-After says when to ask again',
}

const CONFIG_FAULTS = 'The file has faults: all of them are named, and the config in force stays'

function answer(status: string, type: string, schema: Schema, description = 'The answer') {
  return { [status]: { description, content: { [type]: { schema } } } }
}

function problems(...statuses: readonly string[]) {
  return Object.assign(
    {},
    ...statuses.map((status) => answer(status, PROBLEM_TYPE, ref('Problem'), PROBLEM_STATUSES[status])),
  ) as Readonly<Record<string, object>>
}

function query(name: string, description: string, schema: Schema = text, required = false): Parameter {
  return { name, in: 'query', required, description, schema }
}

function get(summary: string, schema: Schema, parameters: readonly Parameter[] = [], more: readonly string[] = []) {
  const responses = { ...answer('200', JSON_TYPE, schema), ...problems('400', '405', ...more) }
  return { get: { summary, ...(parameters.length > 0 && { parameters }), responses } satisfies Operation }
}

function override(summary: string, more: readonly Parameter[] = []) {
  const operation: Operation = {
    summary,
    parameters: [query('instance', 'Id of an instance', text, true), ...more],
    security: [{ token: [] }],
    responses: {
      ...answer('200', JSON_TYPE, ref('Overridden')),
      ...problems('400', '401', '403', '404', '405'),
    },
  }
  return { post: operation }
}

function inPath(name: string, description: string): Parameter {
  return { name, in: 'path', required: true, description, schema: text }
}

const paging = [
  query('limit', 'Entries of a page; 100 unless told', { type: 'integer', minimum: 1, maximum: 1000 }),
  query('cursor', 'Of the page before'),
]
const byService = query('service', 'Name of a service')
const byInstance = query('instance', 'Id of an instance')
const instanceId = inPath('id', '`service/host:port/base/path`; its slashes may be encoded')
const asTime = 'ISO 8601 with a zone, or epoch milliseconds'

const paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/': get('Links to what is here', ref('Links')),
  '/health': get('That the discovery server runs', ref('Health')),
  '/stats': get(
    'Every instance with its packets, the health of the services, the totals of the requests',
    ref('Stats'),
    [
      query('packets', 'Newest packets per instance, oldest first: a number, or `all`; 100 unless told', {
        type: 'string',
        pattern: '^(all|[0-9]+)$',
      }),
    ],
    ['503'],
  ),
  '/dump': get('Writes what `/stats?packets=all` says to the dump file', ref('Success'), [], ['500']),
  '/livez': get('That the process answers', ref('Alive')),
  '/readyz': {
    get: {
      summary: 'Whether this process may take traffic; failing checks are always named',
      parameters: [query('verbose', 'Name every check', oneOf('', 'true', 'false', '1', '0'))],
      responses: {
        ...answer('200', JSON_TYPE, ref('Readiness'), 'Ready, or degraded but serving'),
        ...answer('503', JSON_TYPE, ref('Readiness'), 'Starting, draining, or without a serving worker'),
        ...problems('400', '405'),
      },
    },
  },
  '/metrics': {
    get: {
      summary: 'Metrics in the text format of Prometheus',
      responses: { ...answer('200', EXPOSITION_TYPE, text), ...problems('400', '405') },
    },
  },
  '/openapi.json': get('This document', { type: 'object' }),
  '/api/v1': get('Links to the lists', ref('Links')),
  '/api/v1/services': get('Every service with its health and its requests', ref('Services')),
  '/api/v1/services/{name}': get('One service', ref('Service'), [inPath('name', 'Name of a service')], ['404']),
  '/api/v1/instances': get('Instances in the order of the config', ref('Instances'), [
    byService,
    query('health', 'Only instances with this health', oneOf('up', 'down', 'unknown')),
    ...paging,
  ]),
  '/api/v1/instances/{id}': get('One instance', ref('Instance'), [instanceId], ['404']),
  '/api/v1/instances/{id}/packets': get(
    'Its packets, newest first',
    ref('Packets'),
    [instanceId, ...paging],
    ['404', '503'],
  ),
  '/api/v1/routes': get('The routes, in the order of the config', ref('Routes')),
  '/api/v1/listeners': get('The ports of the processor, its own first, and what came through each', ref('Listeners')),
  '/api/v1/requests': get(
    'Recorded requests, newest first',
    ref('Requests'),
    [
      byService,
      byInstance,
      query('route', 'Id of a route'),
      query('method', 'As sent'),
      query('status', '`404`, a class (`5xx`), or `0` for clients that had gone', {
        type: 'string',
        pattern: '^(0|[1-5][0-9][0-9]|[1-5]xx)$',
      }),
      ...paging,
    ],
    ['503'],
  ),
  '/api/v1/events': get(
    'Changes of health and overrides, and disputes between polls and requests, newest first',
    ref('Events'),
    [byService, byInstance, ...paging],
    ['503'],
  ),
  '/api/v1/rollups': get(
    'Counts per minute or hour, oldest first; those of the last hour, or day, unless told',
    ref('Rollups'),
    [
      query('span', '`minute` unless told', oneOf('minute', 'hour')),
      query('from', `Inclusive; ${asTime}`),
      query('to', `Exclusive; ${asTime}`),
      byService,
      byInstance,
    ],
    ['503'],
  ),
  '/api/v1/workers': get('The workers of this process, and those that report from elsewhere', ref('Workers')),
  '/api/v1/explain': get(
    'Which route and which instances a request would get, and why',
    ref('Explanation'),
    [query('method', '`GET` unless told'), query('url', 'A URL, or a path with its query', text, true)],
    ['503'],
  ),
  '/api/v1/snapshot': get('The registry as processors see it', ref('Snapshot')),
  '/api/v1/snapshot/changes': {
    get: {
      summary: 'The registry whole, then a line for each change, and a beat every 5 seconds; never ends by itself',
      parameters: [
        query('term', 'Of the snapshot that the reader holds'),
        query('seq', 'Of the snapshot that the reader holds: if it is the current one it is not sent again'),
        query('purges', 'Number of the last purge that the reader knows, or 0: it hears of purges, if it may purge'),
      ],
      responses: { ...answer('200', 'application/x-ndjson', ref('ChangeLine')), ...problems('400', '405', '503') },
    },
  },
  '/api/v1/drain': override('Keeps new requests away from an instance, and tells when none runs there any more', [
    query('wait', 'Seconds to wait for that; 0 unless told', { type: 'integer', minimum: 0, maximum: 3600 }),
  ]),
  '/api/v1/undrain': override('Ends a drain; what is out of service stays so'),
  '/api/v1/down': override('Takes an instance out of service'),
  '/api/v1/up': override('Ends whatever an operator has said of an instance'),
  '/api/v1/plan': {
    post: {
      summary: 'What a reload of the config file would change; nothing is changed',
      security: [{ token: [] }],
      responses: {
        ...answer('200', JSON_TYPE, ref('Planned')),
        ...answer('422', PROBLEM_TYPE, ref('ConfigFaults'), CONFIG_FAULTS),
        ...problems('400', '401', '403', '405', '503'),
      },
    },
  },
  '/api/v1/reload': {
    post: {
      summary: 'Reads the config file and goes by it, if it is right',
      parameters: [query('workers', 'Replace the workers one by one afterwards', oneOf('', 'true', 'false', '1', '0'))],
      security: [{ token: [] }],
      responses: {
        ...answer('200', JSON_TYPE, ref('Reloaded'), 'In force; `replaced_workers` where they were to be replaced'),
        ...answer('422', PROBLEM_TYPE, ref('ConfigFaults'), CONFIG_FAULTS),
        ...problems('400', '401', '403', '405', '503'),
      },
    },
  },
  '/api/v1/purge': {
    post: {
      summary:
        'Throws stored answers of the pipe `cache` away, in every worker of this process, and of those that run apart',
      parameters: [
        query('url', 'The answers of this URL', text),
        query('prefix', 'The answers of all URLs that begin with this one', text),
        query('all', 'All answers', oneOf('', 'true', 'false', '1', '0')),
      ],
      security: [{ token: [] }],
      responses: { ...answer('200', JSON_TYPE, ref('Purged')), ...problems('400', '401', '403', '405', '503') },
    },
  },
  '/api/v1/reports': {
    post: {
      summary: 'Takes what a processor elsewhere has counted',
      parameters: [
        {
          name: REPORT_ID_HEADER,
          in: 'header',
          required: false,
          description:
            '`<sender>:<number>`; a report whose number is not above the last one of its sender is not counted again',
          schema: text,
        },
      ],
      security: [{ token: [] }],
      requestBody: { required: true, content: { [JSON_TYPE]: { schema: ref('Report') } } },
      responses: {
        '204': { description: 'Counted' },
        ...problems('400', '401', '403', '405', '413', '415'),
      },
    },
  },
}

export function openapi(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'serverpy discovery server',
      version,
      description:
        'Registry, health and traffic of a cluster. Keys are snake_case and times are ISO 8601 in UTC, save in what processors exchange with it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { ...schemas, ...planSchemas, ...wireSchemas },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: '`discovery.token`; while none is set, peers on the same machine need none',
        },
      },
    },
  }
}
