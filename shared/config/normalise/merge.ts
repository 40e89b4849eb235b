// The handler that puts several answers together: its defaults, and what cannot work.
import type { FlatmapStep, MergeConfig, PartConfig, PathPiece } from '../merge-model.js'
import type { Path } from '../document.js'
import { quoted, type Fault } from '../problem.js'
import type { TimeoutInput } from '../schema/layouts.js'
import type { MergeInput, PartInput, StepInput } from '../schema/merge.js'
import { readExpression } from '../pipes/cel.js'
import { isFault } from '../pipes/cel-uses.js'
import { sizeBytes } from '../text/size.js'
import { templatePieces } from '../text/template.js'
import { readMs, warnUseless, type Context, type Draft } from './context.js'
import { readTimeouts } from './exchange.js'

/** Native; of a route that says none. */
const TIMEOUT_MS = 2000
const REQUEST_BYTES = 2 ** 20
const ANSWER_BYTES = 10 * 2 ** 20
const REDIRECTS = 10
const CACHE_BYTES = 8 * 2 ** 20

/** Those that say something of `merge` only. */
const KEYS = [
  'sequential',
  'sequential_propagated_params',
  'concurrent_calls',
  'output',
  'static',
  'flatmap',
  'input_headers',
  'input_query_strings',
  'cache_ttl',
  'cache_ttl_ms',
  'completed',
  'return_error_msg',
  'forwarding',
  'request_size',
] as const

/** What the route says beside the keys of the handler. */
type RouteDraft = Draft<MergeInput> &
  Draft<TimeoutInput> & { readonly match?: { readonly path?: string | undefined } | undefined }

export interface MergeFinder {
  /** What is wrong with the name of a service; undefined where there is one. */
  (service: string): Fault | undefined
}

/** The handler of a route that has `merge`. */
export function readMerge(draft: RouteDraft, path: Path, context: Context, find: MergeFinder): MergeConfig | undefined {
  const { report } = context
  if (draft.merge === undefined) {
    warnUseless(draft, KEYS, 'without "merge"', path, context)
    return undefined
  }
  warnUseless(draft, ['sequential_propagated_params'], 'every later part may name any earlier answer', path, context)
  const sequential = draft.sequential ?? false
  const output = draft.output ?? 'json'
  // What is wrong with it is told once, however often it is read.
  const { totalMs } = readTimeouts(draft, path, context)
  const parameters = namesIn(draft.match?.path ?? '')
  let answers = 0
  const parts = draft.merge.flatMap((part, i) => {
    if (part === undefined) return []
    const place = { at: [...path, 'merge', i], answers, parameters, sequential }
    if (part.shadow !== true) answers++
    return readPart(part, draft, place, context, find) ?? []
  })
  const loud = parts.filter((part) => !part.shadow)
  if (draft.merge.length > 0 && parts.length === draft.merge.length && loud.length === 0)
    report.fault([...path, 'merge'], { message: 'a part that is no shadow is needed', hint: 'shadows answer nobody' })
  if (output === 'no-op') warnUseless(draft, ['static', 'flatmap'], 'with the output "no-op"', path, context)
  if (output === 'no-op' && loud.length > 1) {
    const hint = 'keep one part, or choose another output'
    report.fault([...path, 'output'], { message: '"no-op" passes on one answer, not several', hint })
  }
  return {
    parts,
    sequential,
    output,
    ...(draft.static?.data && { static: { data: draft.static.data, strategy: draft.static.strategy ?? 'always' } }),
    flatmap: readSteps(draft.flatmap, [...path, 'flatmap'], context),
    ...readInput(draft),
    cacheSeconds: Math.floor((readMs(draft, 'cache_ttl', path, context) ?? 0) / 1000),
    completed: draft.completed ?? 'Serverpy-Completed',
    returnErrorMsg: draft.return_error_msg ?? false,
    forwarding: draft.forwarding ?? 'native',
    timeoutMs: totalMs === undefined || totalMs === 0 ? TIMEOUT_MS : totalMs,
    requestBytes: sizeBytes(draft.request_size ?? (output === 'no-op' ? 0 : REQUEST_BYTES)) ?? REQUEST_BYTES,
  }
}

interface Place {
  readonly at: Path
  /** Parts before it that are no shadows. */
  readonly answers: number
  readonly parameters: ReadonlySet<string>
  readonly sequential: boolean
}

function readPart(
  part: Draft<PartInput>,
  route: RouteDraft,
  place: Place,
  context: Context,
  find: MergeFinder,
): PartConfig | undefined {
  const { at } = place
  const { report } = context
  const { service } = part
  const fault = service === undefined ? undefined : find(service)
  if (fault) report.fault([...at, 'service'], fault)
  const pieces = part.path === undefined ? [] : templatePieces(part.path)
  for (const piece of pieces) checkPiece(piece, place, part.shadow ?? false, context)
  if (part.flatmap !== undefined) warnUseless(part, ['allow', 'deny', 'mapping'], 'beside "flatmap"', at, context)
  else if (part.allow !== undefined) warnUseless(part, ['deny'], 'beside "allow"', at, context)
  const encoding = readEncoding(part, route, place, context)
  const timeoutMs = readMs(part, 'timeout', at, context)
  if (service === undefined || part.path === undefined || fault) return undefined
  return {
    service,
    ...(part.method !== undefined && { method: part.method }),
    path: pieces,
    encoding,
    isCollection: part.is_collection ?? false,
    target: part.target?.split('.') ?? [],
    allow: dotted(part.allow),
    deny: dotted(part.deny),
    mapping: readMapping(part.mapping),
    flatmap: readSteps(part.flatmap, [...at, 'flatmap'], context),
    ...(part.group !== undefined && { group: part.group }),
    ...readInput(part),
    redirects: part.redirects ?? REDIRECTS,
    onError: readOnError(part),
    shadow: part.shadow ?? false,
    concurrentCalls: part.concurrent_calls ?? route.concurrent_calls ?? 1,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...readLimit(part.rate_limit, [...at, 'rate_limit'], context),
    answerBytes: sizeBytes(part.answer_size ?? ANSWER_BYTES) ?? ANSWER_BYTES,
    require: readRequired(part, at, context),
    ...(part.cache && { cachePlace: at.join('.') }),
    cacheBytes: part.cache === true ? CACHE_BYTES : (part.cache && sizeBytes(part.cache)) || 0,
  }
}

function readRequired(part: Draft<PartInput>, at: Path, context: Context): PartConfig['require'] {
  const dialect = part.dialect ?? 'serverpy'
  if (part.require === undefined) warnUseless(part, ['dialect'], 'without "require"', at, context)
  return (part.require ?? []).flatMap((expression, i) => {
    if (expression === undefined) return []
    const read = readExpression(expression, dialect)
    if (isFault(read)) {
      context.report.fault([...at, 'require', i], read)
      return []
    }
    const names = [...read.uses.whole, ...read.uses.keys.keys()]
    return [{ expression, dialect, on: names.some((name) => /^resp(onse\.|_)/.test(name)) ? 'response' : 'request' }]
  })
}

function checkPiece(
  piece: PathPiece,
  { at, answers, parameters, sequential }: Place,
  shadow: boolean,
  { report }: Context,
): void {
  if (typeof piece === 'string') return
  const where = [...at, 'path']
  if (piece.kind === 'parameter' && !parameters.has(piece.name)) {
    const known = [...parameters].map((name) => `{${name}}`).join(', ')
    report.fault(where, {
      message: `the path of the route has no ${quoted(`{${piece.name}}`)}`,
      hint: known === '' ? 'put it into match.path' : `it has ${known}`,
    })
  }
  if (piece.kind !== 'answer') return
  const shown = `"{resp${piece.part}…}"`
  if (shadow) report.fault(where, { message: `a shadow waits for no answer: ${shown} is of no use to it` })
  else if (!sequential)
    report.fault(where, { message: `${shown} needs parts one after the other`, hint: 'set "sequential: true"' })
  else if (piece.part >= answers) {
    const hint = 'parts count from 0, without those that are shadows'
    report.fault(where, { message: `${shown} is no earlier part than this one`, hint })
  }
}

function readEncoding(
  part: Draft<PartInput>,
  route: RouteDraft,
  { at, sequential }: Place,
  { report }: Context,
): PartConfig['encoding'] {
  const passes = route.output === 'no-op' && part.shadow !== true
  const encoding = part.encoding ?? (passes ? 'no-op' : 'json')
  const where = [...at, 'encoding']
  if (passes && encoding !== 'no-op')
    report.fault(where, { message: 'must be "no-op", as the output of the route', hint: 'or leave it out' })
  // In sequence its body is of use to later parts.
  if (!passes && encoding === 'no-op' && !sequential)
    report.fault(where, { message: '"no-op" brings no data', hint: 'set "output: no-op" to pass the answer on' })
  return encoding
}

function readLimit(draft: Draft<PartInput>['rate_limit'], path: Path, context: Context): Pick<PartConfig, 'limit'> {
  if (draft === undefined) return {}
  const rate = draft.rate ?? 1
  const periodMs = readMs(draft, 'period', path, context) ?? 1000
  return {
    limit: { name: path.join('.'), rule: { rate, periodMs, burst: draft.burst ?? Math.max(1, Math.ceil(rate)) } },
  }
}

function readOnError(part: Draft<PartInput>): PartConfig['onError'] {
  if (typeof part.return_error_details === 'string') return { kind: 'details', name: part.return_error_details }
  return { kind: part.return_error_code === true ? 'status' : 'fail' }
}

function readInput(draft: Draft<Pick<PartInput, 'input_headers' | 'input_query_strings'>>) {
  return {
    ...(draft.input_headers && { inputHeaders: present(draft.input_headers).map((name) => name.toLowerCase()) }),
    ...(draft.input_query_strings && { inputQuery: present(draft.input_query_strings) }),
  }
}

function present<T>(list: readonly (T | undefined)[] | undefined): T[] {
  return (list ?? []).filter((one) => one !== undefined)
}

function dotted(list: readonly (string | undefined)[] | undefined): readonly (readonly string[])[] {
  return present(list).map((names) => names.split('.'))
}

/** What stands behind a dot in a new name says nothing. */
function readMapping(mapping: Draft<PartInput>['mapping']): readonly (readonly [string, string])[] {
  return Object.entries(mapping ?? {}).flatMap(([from, to]) =>
    to === undefined ? [] : [[from, to.split('.', 1)[0] ?? to] as const],
  )
}

function readSteps(
  steps: readonly (Draft<StepInput> | undefined)[] | undefined,
  path: Path,
  { report }: Context,
): readonly FlatmapStep[] {
  return (steps ?? []).flatMap((step, i): FlatmapStep[] => {
    const [from, to] = dotted(step?.args)
    if (step?.type === undefined || from === undefined) return []
    if (step.type === 'del') return dotted(step.args).map((one) => ({ type: 'del', from: one }))
    if (to === undefined || (step.args?.length ?? 0) > 2) {
      report.fault([...path, i, 'args'], `"${step.type}" needs two: from where, and to where`)
      return []
    }
    return [{ type: step.type, from, to }]
  })
}

function namesIn(path: string): ReadonlySet<string> {
  return new Set(Array.from(path.matchAll(/\{([^}]*)\}/g), (match) => match[1] as string))
}
