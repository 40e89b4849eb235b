// Certificates that the file names: for the processor's own port, and for what is said to instances.
import { resolve } from 'node:path'
import { authoritiesFault, readPair, type Pair } from '../certificates.js'
import { PROCESSOR } from '../defaults.js'
import type { Path } from '../document.js'
import type { CertificateConfig, DownstreamTlsConfig, UpstreamTlsConfig } from '../model.js'
import type { Fault } from '../problem.js'
import type { PollingInput, ProcessorInput } from '../schema/layouts.js'
import type { FileRead } from '../small-file.js'
import { plainServerName } from '../text/host.js'
import { defined, type Context, type Draft } from './context.js'

/** What is in the files; each is read once, however many services name it. */
export interface CertificateFiles {
  authorities(file: string): Fault | undefined
  /** The certificate and its key where both are right; else what is wrong with each. */
  pair(certFile: string, keyFile: string): PairOf
}

interface PairOf {
  readonly pair?: Pair
  readonly cert?: Fault
  readonly key?: Fault
}

export function createCertificateFiles(read: (path: string) => FileRead): CertificateFiles {
  const files = remembered((path: string) => read(path))
  const faults = remembered((path: string) => contentOf(path, authoritiesFault))
  const pairs = remembered((both: string) => {
    const [certFile, keyFile] = JSON.parse(both) as [string, string]
    const [cert, key] = [files(certFile), files(keyFile)]
    if (!cert.ok || !key.ok) return defined({ cert: unread(cert), key: unread(key) })
    const found = readPair(cert.bytes, key.bytes)
    return found.ok ? { pair: found.pair } : found.faults
  })
  function contentOf(path: string, check: (bytes: Buffer) => Fault | undefined): Fault | undefined {
    const file = files(path)
    return file.ok ? check(file.bytes) : unread(file)
  }
  return { authorities: faults, pair: (certFile, keyFile) => pairs(JSON.stringify([certFile, keyFile])) }
}

/** Takes every file for what it should be. */
export const UNREAD: CertificateFiles = { authorities: () => undefined, pair: () => ({}) }

function remembered<T>(make: (key: string) => T): (key: string) => T {
  const known = new Map<string, { readonly value: T }>()
  return (key) => {
    const entry = known.get(key) ?? { value: make(key) }
    known.set(key, entry)
    return entry.value
  }
}

function unread(file: FileRead): Fault | undefined {
  if (file.ok) return undefined
  return file.absent ? { message: file.message, hint: 'it is relative to this config file' } : { message: file.message }
}

export function readUpstreamTls(
  block: Draft<PollingInput>['tls'],
  path: Path,
  context: Context,
): Partial<UpstreamTlsConfig> {
  const caFile = block?.ca_file === undefined ? undefined : resolve(context.directory, block.ca_file)
  const fault = caFile === undefined ? undefined : context.certificates.authorities(caFile)
  if (fault) context.report.fault([...path, 'ca_file'], fault)
  const { certFile, keyFile } = readFiles(block ?? {}, path, context) ?? {}
  return defined({ verify: block?.verify, caFile, serverName: block?.server_name, certFile, keyFile })
}

type TlsDraft = NonNullable<Draft<ProcessorInput>['tls']>
type Entry = NonNullable<NonNullable<TlsDraft['certificates']>[number]>

export function readDownstreamTls(
  draft: TlsDraft | undefined,
  path: Path,
  context: Context,
): DownstreamTlsConfig | undefined {
  if (!draft) return undefined
  const certificates = readCertificates(draft, path, context)
  return { certificates, minVersion: draft.min_version ?? PROCESSOR.tlsVersion }
}

function readCertificates(draft: TlsDraft, path: Path, context: Context): CertificateConfig[] {
  const { report } = context
  if (draft.certificates === undefined) {
    const told = ['cert', 'key', 'certificates'].some((key) => report.has([...path, key]))
    if (draft.cert === undefined && draft.key === undefined && !told)
      report.fault(path, '"tls" needs "cert" and "key", or "certificates"', 'key')
    const files = readFiles(draft, path, context)
    return files ? [{ certFile: files.certFile, keyFile: files.keyFile, hosts: [] }] : []
  }
  for (const key of ['cert', 'key'] as const) {
    if (draft[key] !== undefined)
      report.fault([...path, key], { message: '"certificates" is there too', hint: 'keep one of the two' }, 'key')
  }
  const firsts = new Map<string, Path>()
  return draft.certificates.flatMap((entry, i) => {
    return entry ? readCertificate(entry, i === 0, [...path, 'certificates', i], firsts, context) : []
  })
}

/** `firsts` has the place of each host that an entry before this one has claimed. */
function readCertificate(
  entry: Entry,
  isFirst: boolean,
  path: Path,
  firsts: Map<string, Path>,
  context: Context,
): CertificateConfig[] {
  const { report, line } = context
  const files = readFiles(entry, path, context)
  if (!files) return []
  const { certFile, keyFile, pair } = files
  const hosts = (entry.hosts ?? []).map((host) => host && plainServerName(host))
  hosts.forEach((host, i) => {
    if (host === undefined) return
    const at = [...path, 'hosts', i]
    const first = firsts.get(host)
    if (first) report.warn(at, `the certificate on line ${line(first)} is for this host too; the first one answers`)
    else firsts.set(host, at)
    if (pair && !covers(pair, host))
      report.warn(at, { message: 'the certificate is not for this host', hint: 'clients will not trust it' })
  })
  if (pair && !isFirst && entry.hosts === undefined && pair.names.length === 0)
    report.warn(path, { message: 'the certificate names no host, so that no client gets it', hint: 'give it "hosts"' })
  return [{ certFile, keyFile, hosts: hosts.filter((host) => host !== undefined) }]
}

function covers({ leaf, names }: Pair, host: string): boolean {
  return host.startsWith('*.') ? names.includes(host) : leaf.checkHost(host, { subject: 'never' }) !== undefined
}

/** The two files of one block: both or neither, and one belongs to the other. */
function readFiles(
  block: { readonly cert?: string | undefined; readonly key?: string | undefined },
  path: Path,
  context: Context,
): { readonly certFile: string; readonly keyFile: string; readonly pair?: Pair } | undefined {
  const { report, directory } = context
  const { cert, key } = block
  if (cert === undefined || key === undefined) {
    const [given, absent] = cert === undefined ? (['key', 'cert'] as const) : (['cert', 'key'] as const)
    if (block[given] !== undefined && !report.has([...path, absent]))
      report.fault(
        [...path, given],
        { message: `"${absent}" is missing beside it`, hint: 'one needs the other' },
        'key',
      )
    return undefined
  }
  const files = { certFile: resolve(directory, cert), keyFile: resolve(directory, key) }
  const found = context.certificates.pair(files.certFile, files.keyFile)
  if (found.cert) report.fault([...path, 'cert'], found.cert)
  if (found.key) report.fault([...path, 'key'], found.key)
  return { ...files, ...(found.pair && { pair: found.pair }) }
}
