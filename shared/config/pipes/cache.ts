// The options of `cache`.
import { resolve } from 'node:path'
import { z } from 'zod'
import { readMs } from '../normalise/context.js'
import { count, durations, LONGEST_TIMER_MS, nonEmpty, orSwitch, share, size, text } from '../schema/fields.js'
import { fieldNameFault } from '../text/http.js'
import { sizeBytes } from '../text/size.js'
import { builtIn } from './builtin.js'

export interface CacheOptions {
  /** Of keys, fields and bodies in memory, per worker. */
  readonly bytes: number
  /** Of one body; a longer one is passed on and not stored. */
  readonly entryBytes: number
  /** Answers of one URL that `Vary` or `key.headers` tell apart. */
  readonly variants: number
  /** Where longer bodies go, per worker. */
  readonly disk?: { readonly path: string; readonly bytes: number; readonly fromBytes: number }
  readonly key: {
    /** Lower case. */
    readonly headers: readonly string[]
    /** Names of query parameters that tell nothing apart; `*` at the end of one: all that begin so. */
    readonly ignoreQuery: readonly string[]
    readonly sortQuery: boolean
  }
  /** How long answers are fresh that say nothing of it and may be stored by their status; 0: not at all. */
  readonly ttlMs: number
  /** Share of the time since `Last-Modified` for which such answers are fresh; 0: not at all. */
  readonly heuristic: number
  /** Where answers do not say it themselves. */
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  /** Answers that set cookies are stored, too. */
  readonly setCookie: boolean
  /** How long a request waits for the answer to another one of the same URL; 0: not at all. */
  readonly collapseMs: number
  /** Directives in the Cache-Control and Pragma of requests count. */
  readonly obeyClient: boolean
  /** Orders of languages are alike, and a stored answer in the language that the client wants most is taken. */
  readonly languages: boolean
  /** Answers say in Cache-Status what became of them here. */
  readonly status: boolean
}

const KIB = 1024
const MIB = 1024 * KIB
const MOST_BODY = 2 ** 30
const TIMES = { shortestMs: 0, longestMs: 365 * 86_400_000 }
const WAIT = { shortestMs: 0, longestMs: LONGEST_TIMER_MS }

const DEFAULTS = {
  bytes: 64 * MIB,
  entryBytes: MIB,
  diskBytes: 1024 * MIB,
  diskFromBytes: 64 * KIB,
  diskEntryBytes: 16 * MIB,
  variants: 64,
  collapseMs: 3000,
}

const nameFault = (name: string) =>
  name.trim() === '' ? { message: 'must not be empty' } : name.length > 200 ? { message: 'is too long' } : undefined

const disk = z.strictObject({
  path: nonEmpty().meta({
    description: 'Folder, relative to the config file. What workers leave there they clean up.',
  }),
  size: size(MIB).optional().meta({ description: 'Bytes on disk, per worker.', default: DEFAULTS.diskBytes }),
  from: size(1, MOST_BODY).optional().meta({
    description: 'Bodies from this size go there; shorter ones stay in memory.',
    default: DEFAULTS.diskFromBytes,
  }),
})

const key = z.strictObject({
  headers: z
    .array(text(fieldNameFault))
    .max(16)
    .optional()
    .meta({ description: 'Request fields that tell answers apart, in addition to those in Vary.' }),
  ignore_query: z.array(text(nameFault)).max(100).optional().meta({
    description: 'Query parameters that tell no answers apart; `utm_*` means all that begin with utm_, `*` all.',
  }),
  sort_query: z
    .boolean()
    .optional()
    .meta({ description: 'The order of query parameters tells no answers apart.', default: false }),
})

const collapse = z.strictObject({
  ...durations('wait', 'How long a request waits for the answer to another one.', WAIT, DEFAULTS.collapseMs),
})

const schema = z.strictObject({
  size: size(64 * KIB)
    .optional()
    .meta({
      description: 'Bytes of keys, fields and bodies in memory, per worker.',
      default: DEFAULTS.bytes,
    }),
  entry_size: size(1, MOST_BODY).optional().meta({
    description: 'Longest body that is stored; 1 MiB, or 16 MiB where there is a disk.',
  }),
  variants: count(1, 10_000)
    .optional()
    .meta({ description: 'Answers of one URL that Vary tells apart.', default: DEFAULTS.variants }),
  disk: disk.optional().meta({ description: 'Where longer bodies go; without it everything is in memory.' }),
  key: key.optional().meta({ description: 'What tells answers apart beside method, scheme, host and target.' }),
  ...durations('ttl', 'How long answers are fresh that say nothing of it; 0: not at all.', TIMES, 0),
  heuristic: share().optional().meta({
    description: 'Share of the time since Last-Modified for which such answers are fresh, such as 0.1.',
    default: 0,
  }),
  ...durations('stale_while_revalidate', 'Where answers do not say it: served stale while refreshed.', TIMES, 0),
  ...durations('stale_if_error', 'Where answers do not say it: served stale when the service fails.', TIMES, 0),
  set_cookie: z
    .boolean()
    .optional()
    .meta({ description: 'Whether answers that set cookies are stored, too.', default: false }),
  collapse: orSwitch(collapse, 'wait').optional().meta({
    description: 'Whether one request fetches what several want at once.',
    default: true,
  }),
  obey_client: z
    .boolean()
    .optional()
    .meta({ description: 'Whether Cache-Control and Pragma of requests count.', default: true }),
  languages: z.boolean().optional().meta({
    description: 'Whether Accept-Language is understood: its order does not count, its q values do.',
    default: false,
  }),
  status: z.boolean().optional().meta({ description: 'Whether answers have Cache-Status (RFC 9211).', default: true }),
})

export const cache = builtIn({
  name: 'cache',
  description: 'Stores answers and serves them again, as a shared cache by RFC 9111.',
  schema,
  read(draft, path, context): CacheOptions {
    const { disk, key } = draft
    const bytes = bytesOf(draft.size) ?? DEFAULTS.bytes
    const folder = disk?.path
    const usual = folder === undefined ? Math.min(DEFAULTS.entryBytes, bytes) : DEFAULTS.diskEntryBytes
    const entryBytes = bytesOf(draft.entry_size) ?? usual
    if (folder === undefined && entryBytes > bytes) {
      const fault = { message: 'is more than "size" has room for', hint: 'a larger size, or a disk' }
      context.report.fault([...path, 'entry_size'], fault)
    }
    return {
      bytes,
      entryBytes,
      variants: draft.variants ?? DEFAULTS.variants,
      ...(folder !== undefined && {
        disk: {
          path: resolve(context.directory, folder),
          bytes: bytesOf(disk?.size) ?? DEFAULTS.diskBytes,
          fromBytes: bytesOf(disk?.from) ?? DEFAULTS.diskFromBytes,
        },
      }),
      key: {
        headers: present(key?.headers).map((name) => name.toLowerCase()),
        ignoreQuery: present(key?.ignore_query),
        sortQuery: key?.sort_query ?? false,
      },
      ttlMs: readMs(draft, 'ttl', path, context) ?? 0,
      heuristic: draft.heuristic ?? 0,
      staleWhileRevalidateMs: readMs(draft, 'stale_while_revalidate', path, context) ?? 0,
      staleIfErrorMs: readMs(draft, 'stale_if_error', path, context) ?? 0,
      setCookie: draft.set_cookie ?? false,
      collapseMs: waitOf(draft.collapse),
      obeyClient: draft.obey_client ?? true,
      languages: draft.languages ?? false,
      status: draft.status ?? true,
    }

    function waitOf(given: typeof draft.collapse): number {
      if (given === false) return 0
      if (given === undefined || given === true) return DEFAULTS.collapseMs
      return readMs(given, 'wait', [...path, 'collapse'], context) ?? DEFAULTS.collapseMs
    }
  },
})

function bytesOf(given: number | string | undefined): number | undefined {
  return given === undefined ? undefined : sizeBytes(given)
}

function present(list: readonly (string | undefined)[] | undefined): string[] {
  return (list ?? []).filter((one) => one !== undefined)
}
