// From the text of a config file to the frozen config, or to everything that is wrong with it.
import { availableParallelism } from 'node:os'
import { dirname, extname, resolve } from 'node:path'
import { check } from './check.js'
import { readDocument, type Document, type Format, type Path, type Place } from './document.js'
import { prune } from './findings.js'
import { deepFreeze } from './freeze.js'
import { importerFor, parseImported } from './import/index.js'
import type { Config, Parsed, Problem } from './model.js'
import { checkWhole } from './normalise/checks.js'
import type { Context, Draft } from './normalise/context.js'
import { readPipes } from './normalise/pipes.js'
import { readRoutes, type Routed } from './normalise/routes.js'
import { createServiceNames } from './normalise/service-names.js'
import { readService } from './normalise/service.js'
import { classicSettings, fullSettings, readDiscovery, readProcessor, type Settings } from './normalise/settings.js'
import { warnOfSharedCookies } from './normalise/splits.js'
import { createCertificateFiles, UNREAD } from './normalise/tls.js'
import { findModule, UNSOUGHT } from './pipes/find-module.js'
import { createReport, inFileOrder, quoted, type Fault, type Report } from './problem.js'
import { isObject } from './reader.js'
import {
  classicLayout,
  fullLayout,
  type FullInput,
  type MetaInfoInput,
  type RouteInput,
  type ServiceInput,
} from './schema/layouts.js'
import { readSmallFile, type FileRead } from './small-file.js'
import { suggest } from './suggest.js'
import type { Environment } from './variables.js'

/** What the machine adds to the file; each has the running process's value by default. */
export interface ConfigDeps {
  readonly cwd: string
  /** How many workers `auto` means. */
  readonly cores: number
  /** For files with certificates and keys. `nothing`: they are not looked at, by who serves nothing and may not read them. */
  readonly read: ((path: string) => FileRead) | 'nothing'
}

const FORMATS: Readonly<Record<string, Format>> = { '.json': 'json', '.yaml': 'yaml', '.yml': 'yaml', '.hcl': 'hcl' }
const CONVERTED = new Set(['.toml', '.ini', '.conf'])

/** The format that a file's name says; undefined for none that is supported. */
export function formatOf(file: string): Format | undefined {
  return FORMATS[extname(file).toLowerCase()]
}

/** What is wrong with the name of a config file; undefined for one of a format that is read. */
export function formatFault(file: string): Fault | undefined {
  return formatOf(file) ? undefined : notRead(file)
}

function notRead(file: string): Fault {
  const message = 'not a .json, .yaml, .yml or .hcl file'
  return CONVERTED.has(extname(file).toLowerCase())
    ? { message, hint: 'convert it to YAML or JSON first' }
    : { message }
}

/** Never throws, whatever the text. `file` names the text in problems and anchors relative paths. */
export function parseConfig(text: string, file: string, env: Environment, deps: Partial<ConfigDeps> = {}): Parsed {
  const format = formatOf(file)
  if (!format) return { ok: false, problems: [{ file, line: 0, col: 0, path: '', ...notRead(file) }] }
  const document = readDocument(text, file, format, env)
  const parsed = parseAny(document, format, file, deps)
  if (parsed.ok || document.duplicates.length === 0) return parsed
  // Of two entries with one key the first was checked. The faults of the other one are told as well.
  const other = parseAny(readDocument(text, file, format, env, 'last'), format, file, deps)
  const inside = (problem: Problem) =>
    document.duplicates.some(({ from, to }) => !before(problem, from) && !before(to, problem))
  return { ok: false, problems: inFileOrder([...parsed.problems, ...(other.ok ? [] : other.problems.filter(inside))]) }
}

function before(a: Place, b: Place): boolean {
  return a.line < b.line || (a.line === b.line && a.col < b.col)
}

/** A config of this product, or another gateway's. */
function parseAny(document: Document, format: Format, file: string, deps: Partial<ConfigDeps>): Parsed {
  const importer = importerFor(document)
  if (importer) return parseImported(document, importer, (native) => parseDocument(native, file, deps))
  if (format !== 'hcl' || document.data === undefined) return parseDocument(document, file, deps)
  return refuse(file, 'an .hcl file holds a PipeHub config, and this is none', 1)
}

function parseDocument(document: Document, file: string, deps: Partial<ConfigDeps>): Parsed {
  const report = createReport(document)
  if (document.data === undefined) return { ok: false, problems: report.problems() }
  if (document.data === null) return refuse(file, 'the file is empty', 1)
  const { data } = document
  if (!isObject(data) || Array.isArray(data)) {
    report.fault([], 'must be an object with the services')
    return { ok: false, problems: report.problems() }
  }
  const cwd = deps.cwd ?? process.cwd()
  const path = resolve(cwd, file)
  const full = isFull(data, report)
  const context: Context = {
    report,
    place: (of) => document.place(of, 'value'),
    line: (of) => document.place(of, 'value').line,
    isWritten: (of) => document.value(of) !== undefined,
    check: (schema, base) => check(schema, document, report, { base }),
    services: createServiceNames(full ? keysOf(data['services']) : keysOf(data).filter(isService), report),
    cwd,
    directory: dirname(path),
    cores: deps.cores ?? availableParallelism(),
    certificates: deps.read === 'nothing' ? UNREAD : createCertificateFiles(deps.read ?? readSmallFile),
    findModule: deps.read === 'nothing' ? UNSOUGHT : findModule,
    credentials: [],
    splits: [],
  }
  const config = full ? readFull(document, path, context) : readClassic(document, path, context)
  if (report.failed) return { ok: false, problems: report.problems() }
  return { ok: true, config: deepFreeze(config), warnings: deepFreeze(report.warnings()) }
}

const keysOf = (value: unknown): string[] => (isObject(value) ? Object.keys(value) : [])

function isService(key: string): boolean {
  return key !== 'meta-info' && key !== '$schema'
}

function refuse(file: string, message: string, at: 0 | 1 = 0): Parsed {
  return { ok: false, problems: [{ file, line: at, col: at, path: '', message }] }
}

/** The full layout says its version; a service may well be called that too. */
function isFull(data: Record<string, unknown>, report: Report): boolean {
  if (data['version'] !== undefined) return !isObject(data['version'])
  const part = ['services', 'processor', 'discovery'].find((key) => isObject(data[key]) && !isServiceLike(data[key]))
  const named = part ?? (Array.isArray(data['routes']) ? 'routes' : undefined)
  if (named !== undefined)
    report.fault([named], { message: 'the full layout needs "version"', hint: 'add version: 1 at the top' }, 'key')
  return named !== undefined
}

function isServiceLike(value: object): boolean {
  return ['servers', 'apis', 'polling'].some((key) => key in value)
}

function readFull(document: Document, file: string, context: Context): Config {
  const { report } = context
  const data = document.data as Record<string, unknown>
  // Without it the layout was recognised by its services, and that has been reported.
  const told = 'version' in data ? [] : ['version']
  const draft = check(fullLayout, document, report, { told }) as Draft<FullInput>
  const services = draft.services ?? {}
  const routes = draft.routes ?? []
  // Routes may do without: those with a fixed answer.
  if (Object.keys(services).length === 0 && draft.services && routes.length === 0)
    report.fault(['services'], 'there must be a service')
  return build('full', file, fullSettings(draft), services, ['services'], routes, context)
}

function readClassic(document: Document, file: string, context: Context): Config {
  const { report } = context
  for (const [key, value] of Object.entries(document.data as Record<string, unknown>)) {
    const hint = isService(key) ? suggest(key, ['meta-info', '$schema']) : undefined
    if (hint === undefined || (isObject(value) && ('servers' in value || 'apis' in value))) continue
    report.fault([key], { message: `unknown key ${quoted(key)}`, hint }, 'key')
    prune(document, [key])
  }
  const draft = check(classicLayout, document, report) as Record<string, Draft<ServiceInput> | undefined>
  const { $schema: _, 'meta-info': meta, ...services } = draft
  if (Object.keys(services).length === 0 && !report.failed) report.fault([], 'there must be a service')
  return build('classic', file, classicSettings((meta ?? {}) as Draft<MetaInfoInput>), services, [], [], context)
}

function build(
  layout: Config['layout'],
  file: string,
  settings: Settings,
  drafts: Readonly<Record<string, Draft<ServiceInput> | undefined>>,
  at: Path,
  routes: readonly (Draft<RouteInput> | undefined)[],
  context: Context,
): Config {
  const processor = readProcessor(settings, context)
  const services: Routed[] = []
  for (const [name, draft] of Object.entries(drafts)) {
    const path = [...at, name]
    if (!draft) continue
    const pipes = readPipes(draft.pipes, [...path, 'pipes'], context)
    services.push({ config: readService(name, draft, path, processor, context), path, pipes })
  }
  const config: Config = {
    layout,
    file,
    discovery: readDiscovery(settings, context),
    processor,
    services: services.map(({ config }) => config),
    routes: readRoutes(services, routes, settings, processor, context),
  }
  for (const [name, draft] of Object.entries(drafts)) {
    const path = [...at, name, 'apis']
    if (!draft || draft.apis || context.services.isUsed(name) || context.report.has(path)) continue
    const unless = layout === 'full' ? ' where no route names the service' : ''
    context.report.fault(path, `"apis" is required${unless}`, 'key')
  }
  checkWhole(config, settings, context)
  warnOfSharedCookies(config, context)
  return config
}
