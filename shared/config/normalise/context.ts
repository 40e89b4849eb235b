// What every step from the file's words to the model shares.
import type { z } from 'zod'
import type { Path, Place } from '../document.js'
import type { FindModule } from '../pipes/find-module.js'
import type { Report } from '../problem.js'
import { durationMs } from '../text/duration.js'
import { statusRange } from '../text/http.js'
import type { ServiceNames } from './service-names.js'
import type { Split } from './splits.js'
import type { CertificateFiles } from './tls.js'

/**
 * The checked shape of a part of the file, with holes where an entry was missing or rejected: those have been reported,
 * and what is left is still worth checking.
 */
export type Draft<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer U)[]
    ? (Draft<U> | undefined)[]
    : { readonly [K in keyof T]?: Draft<T[K]> | undefined }

export interface Context {
  readonly report: Report
  readonly place: (path: Path) => Place
  /** Line of an entry, for messages that point at another one. */
  readonly line: (path: Path) => number
  readonly isWritten: (path: Path) => boolean
  /** Holds what is at `path` against a schema: tells what does not fit, takes it out, and returns what is left. */
  readonly check: (schema: z.ZodType, path: Path) => unknown
  /** Whoever names a service asks here whether it is there. */
  readonly services: ServiceNames
  /** What paths of the store and of dumps are relative to. */
  readonly cwd: string
  /** Where the config file is; what paths of certificates are relative to. */
  readonly directory: string
  readonly cores: number
  readonly certificates: CertificateFiles
  readonly findModule: FindModule
  /** Fields and parameters that pipes find credentials in: each adds its own, and the list is whole when all are read. */
  readonly credentials: string[]
  /** Each pipe that divides clients by a cookie adds itself. */
  readonly splits: Split[]
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without the entries that are undefined, so that a later spread does not erase an earlier one. */
export function defined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>
}

/** The entries that are left of a map of texts. */
export function texts(given: Readonly<Record<string, string | undefined>> | undefined): Record<string, string> {
  return defined(given ?? {}) as Record<string, string>
}

type Statuses = readonly (readonly [number, number])[]

/** The ranges of one status or a list of them. */
export function readStatuses(
  given: number | string | (number | string | undefined)[] | undefined,
): Statuses | undefined {
  const list = given === undefined || Array.isArray(given) ? given : [given]
  return list?.flatMap((one) => {
    const range = one === undefined ? undefined : statusRange(one)
    return range ? [range] : []
  })
}

/** Tells of each of `keys` that is there that it changes nothing, `why`. */
export function warnUseless<T extends object>(
  block: T,
  keys: readonly (keyof T & string)[],
  why: string,
  path: Path,
  { report }: Context,
): void {
  for (const key of keys) {
    if (block[key] !== undefined) report.warn([...path, key], `"${key}" is of no use ${why}`, 'key')
  }
}

type Span<K extends string> = { readonly [P in K]?: unknown } & { readonly [P in `${K}_ms`]?: number | undefined }

/** The milliseconds that `key` or `key_ms` says; both at once is a fault. */
export function readMs<K extends string>(
  block: Span<K> | undefined,
  key: K,
  path: Path,
  { report }: Context,
): number | undefined {
  const plain: unknown = block?.[key]
  const ms: unknown = block?.[`${key}_ms`]
  if (plain !== undefined && ms !== undefined) {
    report.fault([...path, `${key}_ms`], { message: `"${key}" says the same`, hint: 'keep one of the two' }, 'key')
  }
  if (typeof ms === 'number') return Math.round(ms)
  return typeof plain === 'number' || typeof plain === 'string' ? durationMs(plain) : undefined
}

/** Where the file has `key`, in whichever of its two forms. */
export function spanPath<K extends string>(block: Span<K>, key: K, path: Path): Path {
  const ms: unknown = block[`${key}_ms`]
  return [...path, ms === undefined ? key : `${key}_ms`]
}
