// From the text of a config file to the frozen config, or to everything that is wrong with it.
import { availableParallelism } from 'node:os'
import { dirname, extname, resolve } from 'node:path'
import type { z } from 'zod'
import { readDocument, type Document, type Format, type Path, type Place } from './document.js'
import { findings, prune } from './findings.js'
import { deepFreeze } from './freeze.js'
import type { Config, Parsed, Problem, ServiceConfig } from './model.js'
import { checkWhole } from './normalise/checks.js'
import type { Context, Draft } from './normalise/context.js'
import { readRoutes } from './normalise/routes.js'
import { readService } from './normalise/service.js'
import { classicSettings, fullSettings, readDiscovery, readProcessor, type Settings } from './normalise/settings.js'
import { createCertificateFiles, UNREAD } from './normalise/tls.js'
import { createReport, inFileOrder, quoted, type Report } from './problem.js'
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
import { isReference, scalarOf, type Environment } from './variables.js'

/** What the machine adds to the file; each has the running process's value by default. */
export interface ConfigDeps {
  readonly cwd: string
  /** How many workers `auto` means. */
  readonly cores: number
  /** For files with certificates and keys. `nothing`: they are not looked at, by who serves nothing and may not read them. */
  readonly read: ((path: string) => FileRead) | 'nothing'
}

const FORMATS: Readonly<Record<string, Format>> = { '.json': 'json', '.yaml': 'yaml', '.yml': 'yaml' }

/** The format that a file's name says; undefined for none that is supported. */
export function formatOf(file: string): Format | undefined {
  return FORMATS[extname(file).toLowerCase()]
}

/** Never throws, whatever the text. `file` names the text in problems and anchors relative paths. */
export function parseConfig(text: string, file: string, env: Environment, deps: Partial<ConfigDeps> = {}): Parsed {
  const format = formatOf(file)
  if (!format) return refuse(file, 'not a .json, .yaml or .yml file')
  const document = readDocument(text, file, format, env)
  const parsed = parseDocument(document, file, deps)
  if (parsed.ok || document.duplicates.length === 0) return parsed
  // Of two entries with one key the first was checked. The faults of the other one are told as well.
  const other = parseDocument(readDocument(text, file, format, env, 'last'), file, deps)
  const inside = (problem: Problem) =>
    document.duplicates.some(({ from, to }) => !before(problem, from) && !before(to, problem))
  return { ok: false, problems: inFileOrder([...parsed.problems, ...(other.ok ? [] : other.problems.filter(inside))]) }
}

function before(a: Place, b: Place): boolean {
  return a.line < b.line || (a.line === b.line && a.col < b.col)
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
  const context: Context = {
    report,
    line: (of) => document.place(of, 'value').line,
    isWritten: (of) => document.value(of) !== undefined,
    cwd,
    directory: dirname(path),
    cores: deps.cores ?? availableParallelism(),
    certificates: deps.read === 'nothing' ? UNREAD : createCertificateFiles(deps.read ?? readSmallFile),
  }
  const config = isFull(data, report) ? readFull(document, path, context) : readClassic(document, path, context)
  if (report.failed) return { ok: false, problems: report.problems() }
  return { ok: true, config: deepFreeze(config), warnings: deepFreeze(report.warnings()) }
}

function refuse(file: string, message: string, at: 0 | 1 = 0): Parsed {
  return { ok: false, problems: [{ file, line: at, col: at, path: '', message }] }
}

/** The full layout says its version; a service may well be called that too. */
function isFull(data: Record<string, unknown>, report: Report): boolean {
  if (data['version'] !== undefined) return !isObject(data['version'])
  const { services } = data
  const named = isObject(services) && !('servers' in services) && !('apis' in services)
  if (named)
    report.fault(['services'], { message: 'the full layout needs "version"', hint: 'add version: 1 at the top' }, 'key')
  return named
}

function readFull(document: Document, file: string, context: Context): Config {
  const { report } = context
  const data = document.data as Record<string, unknown>
  // Without it the layout was recognised by its services, and that has been reported.
  const draft = check(fullLayout, document, report, 'version' in data ? [] : ['version']) as Draft<FullInput>
  const services = draft.services ?? {}
  if (Object.keys(services).length === 0 && draft.services) report.fault(['services'], 'there must be a service')
  const config = build('full', file, fullSettings(draft), services, ['services'], draft.routes ?? [], context)
  const routed = new Set(draft.routes?.map((route) => route?.service))
  for (const [name, service] of Object.entries(services)) {
    const path = ['services', name, 'apis']
    if (service && !service.apis && !routed.has(name) && !report.has(path))
      report.fault(path, '"apis" is required where no route names the service', 'key')
  }
  return config
}

function readClassic(document: Document, file: string, context: Context): Config {
  const { report } = context
  for (const [key, value] of Object.entries(document.data as Record<string, unknown>)) {
    const hint = key === 'meta-info' || key === '$schema' ? undefined : suggest(key, ['meta-info', '$schema'])
    if (hint === undefined || (isObject(value) && ('servers' in value || 'apis' in value))) continue
    report.fault([key], { message: `unknown key ${quoted(key)}`, hint }, 'key')
    prune(document, [key])
  }
  const draft = check(classicLayout, document, report, []) as Record<string, Draft<ServiceInput> | undefined>
  const { $schema: _, 'meta-info': meta, ...services } = draft
  if (Object.keys(services).length === 0 && !report.failed) report.fault([], 'there must be a service')
  return build('classic', file, classicSettings((meta ?? {}) as Draft<MetaInfoInput>), services, [], [], context)
}

/** Reports what `schema` rejects, takes it out, and returns what is left. `told` are keys whose absence is reported. */
function check(schema: z.ZodType, document: Document, report: Report, told: readonly string[]): unknown {
  let found = findings(schema, document)
  if (found.filter(({ path }) => coerce(document, path)).length > 0) found = findings(schema, document)
  for (const { path, part, missing, ...fault } of found) {
    if (missing && path.length === 1 && told.includes(String(path[0]))) continue
    report.fault(path, fault, part)
  }
  for (const { path } of found) prune(document, path)
  return document.data
}

/** A variable's value is text until the schema asks for a number or a boolean and it spells one. */
function coerce(document: Document, path: Path): boolean {
  const value = document.value(path)
  const scalar = typeof value === 'string' && isReference(document.template(path) ?? '') ? scalarOf(value) : undefined
  const parent = document.value(path.slice(0, -1))
  if (scalar === undefined || !isObject(parent)) return false
  parent[path.at(-1) ?? ''] = scalar
  return true
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
  const services: { config: ServiceConfig; path: Path }[] = []
  for (const [name, draft] of Object.entries(drafts)) {
    const path = [...at, name]
    if (draft) services.push({ config: readService(name, draft, path, processor, context), path })
  }
  const config: Config = {
    layout,
    file,
    discovery: readDiscovery(settings, context),
    processor,
    services: services.map(({ config }) => config),
    routes: readRoutes(services, routes, processor, context),
  }
  checkWhole(config, settings, context)
  return config
}
