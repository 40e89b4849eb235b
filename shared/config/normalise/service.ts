// One service of the file: its instances, each with its own polling, and what holds for its requests.
import type { Path } from '../document.js'
import type { InstanceSpec } from '../../registry/instance.js'
import type { PollingConfig, ProcessorConfig, ServerConfig, ServiceConfig } from '../model.js'
import { isObject } from '../reader.js'
import type { ServiceInput } from '../schema/layouts.js'
import { instanceId, readAddress } from '../text/address.js'
import { readBalance } from './balance.js'
import { warnOfLoop } from './checks.js'
import { defined, texts, type Context, type Draft } from './context.js'
import { exchangeTimeouts, readTimeouts, readUpgrade } from './exchange.js'
import { completePolling, mergePolling, readPolling, type PollingPart } from './polling.js'
import { readResilience } from './resilience.js'
import { readUpstreamTls } from './tls.js'

type ServiceDraft = Draft<ServiceInput>
type Listed = Extract<NonNullable<ServiceDraft['servers']>, unknown[]>[number]
type Blocks = Exclude<NonNullable<ServiceDraft['servers']>, unknown[]>
type Block = NonNullable<Blocks[string]>

/** One entry of `servers`, whichever form it has. */
interface Entry {
  readonly url: string
  readonly path: Path
  /** Whether the address is the entry's key in the file. */
  readonly keyed: boolean
  readonly about: Pick<Block, 'priority' | 'weight' | 'zone' | 'metadata'>
  readonly polling?: { readonly block: Block; readonly path: Path }
}

/** `processor` says what holds where the service leaves it open. */
export function readService(
  name: string,
  draft: ServiceDraft,
  path: Path,
  processor: ProcessorConfig,
  context: Context,
): ServiceConfig {
  const { report } = context
  const nameFault = serviceNameFault(name)
  if (nameFault !== undefined) report.fault(path, nameFault, 'key')
  if (draft.polling?.priority !== undefined) {
    const hint = 'put it in the block of an instance'
    report.fault(
      [...path, 'polling', 'priority'],
      { message: 'a priority is of one instance, not of a service', hint },
      'key',
    )
  }
  const tls = { verify: true, ...readUpstreamTls(draft.tls, [...path, 'tls'], context) }
  const pollingPath = [...path, 'polling']
  const base = readPolling(draft.polling, pollingPath, context)
  const entries = readEntries(draft.servers, [...path, 'servers'], context)
  if (!draft.polling && !report.has(pollingPath) && entries.some((entry) => !entry.polling)) {
    report.fault(pollingPath, '"polling" is required where an entry of "servers" has none of its own', 'key')
  }
  const needed = entries.some((entry) => !entry.polling) || (entries.length === 0 && mayShare(draft.servers))
  const shared = draft.polling && needed ? complete(base, [pollingPath]) : undefined

  function complete(part: PollingPart, blocks: Path[]): PollingConfig | undefined {
    return completePolling(part, blocks, tls, context)
  }
  const servers: ServerConfig[] = []
  const firstOf = new Map<string, Path>()
  for (const entry of entries) {
    const read = readAddress(entry.url)
    if ('fault' in read) {
      report.fault(entry.path, read.fault, entry.keyed ? 'key' : 'value')
      continue
    }
    const id = instanceId(name, read.address)
    const first = firstOf.get(id)
    if (first)
      report.fault(entry.path, `the same instance as on line ${context.line(first)}`, entry.keyed ? 'key' : 'value')
    else firstOf.set(id, entry.path)
    const own = entry.polling
    const polling = own
      ? complete(
          mergePolling(base, readPolling(own.block, own.path, context)),
          draft.polling ? [own.path, pollingPath] : [own.path],
        )
      : shared
    const { priority, weight, zone, metadata } = entry.about
    const spec: InstanceSpec = {
      id,
      service: name,
      url: entry.url,
      ...read.address,
      priority: priority ?? 'unset',
      weight: weight ?? 1,
      ...defined({ zone }),
      metadata: texts(metadata),
    }
    warnOfLoop(spec, processor, entry.path, entry.keyed ? 'key' : 'value', context)
    if (polling) servers.push({ spec, polling })
  }
  const timeouts = { ...exchangeTimeouts(processor.timeouts), ...readTimeouts(draft, path, context) }
  return {
    name,
    servers,
    balance: readBalance(draft.balance, [...path, 'balance'], processor, context),
    ...readResilience(draft, processor, timeouts, path, context),
    timeouts,
    tls,
    upgrade: readUpgrade(draft.upgrade) ?? [],
    batch: draft.batch ?? processor.batch,
    apis: (draft.apis ?? []).filter((api) => api !== undefined),
  }
}

/** Whether the faulty `servers` without one usable entry are meant to take the polling of the service. */
function mayShare(servers: ServiceDraft['servers']): boolean {
  if (!servers) return true
  return Array.isArray(servers) && !servers.some((server) => isObject(server) && server.polling !== undefined)
}

function readEntries(servers: ServiceDraft['servers'], path: Path, context: Context): Entry[] {
  if (!servers) return []
  if (Array.isArray(servers)) return servers.flatMap((server, i) => readListed(server, [...path, i], context))
  return Object.entries(servers).flatMap(([url, block]) => {
    const at = [...path, url]
    return block ? [{ url, path: at, keyed: true, about: block, polling: { block, path: at } }] : []
  })
}

function readListed(server: Listed, path: Path, { report }: Context): Entry[] {
  if (typeof server === 'string') return [{ url: server, path, keyed: false, about: {} }]
  if (!isObject(server) || server.url === undefined) return []
  const { url, polling } = server
  const pollingPath = [...path, 'polling']
  if (server.priority !== undefined && polling?.priority !== undefined) {
    report.fault(
      [...pollingPath, 'priority'],
      { message: 'the instance has a priority already', hint: 'keep one of the two' },
      'key',
    )
  }
  return [
    {
      url,
      path: [...path, 'url'],
      keyed: false,
      about: { ...server, priority: server.priority ?? polling?.priority },
      ...(polling && { polling: { block: polling, path: pollingPath } }),
    },
  ]
}

const LONGEST_NAME = 200

function serviceNameFault(name: string): string | undefined {
  if (name.trim() === '') return 'a service needs a name'
  if (name.length > LONGEST_NAME) return `the name of a service has at most ${LONGEST_NAME} characters`
  if (name.includes('/')) return 'the name of a service must not hold "/"'
  return /\p{Cc}/u.test(name) ? 'the name of a service must not hold control characters' : undefined
}
