// A list of pipes: each one's common keys, then its options, checked by the built-in that it names.
import { basename, extname } from 'node:path'
import type { z } from 'zod'
import { PIPE, PIPE_BREAKER } from '../defaults.js'
import type { Path } from '../document.js'
import type { PipeConfig } from '../model.js'
import type { BuiltIn } from '../pipes/builtin.js'
import { celFault } from '../pipes/cel.js'
import { isModulePath } from '../pipes/find-module.js'
import { BUILT_INS } from '../pipes/index.js'
import { quoted, type Report } from '../problem.js'
import { isObject } from '../reader.js'
import type { PipeInput } from '../schema/layouts.js'
import { pipeKeys } from '../schema/pipe.js'
import { closest } from '../suggest.js'
import { sizeBytes } from '../text/size.js'
import { defined, readMs, type Context, type Draft } from './context.js'

type PipeDraft = Draft<PipeInput>

const byName = new Map(BUILT_INS.map((one) => [one.name, one]))
const schemas = new Map<BuiltIn, z.ZodType>()

/** Entries with faults are left out, once those have been reported. */
export function readPipes(given: Draft<PipeInput[]> | undefined, path: Path, context: Context): readonly PipeConfig[] {
  return (given ?? []).flatMap((draft, i) => {
    const pipe = draft && readPipe(draft, [...path, i], context)
    return pipe ? [pipe] : []
  })
}

/** A route's `rewrite` is the pipe of that name, with nothing but a path; `{id}` in it is a parameter of `matched`. */
export function readRewrite(
  to: string | undefined,
  matched: string,
  path: Path,
  context: Context,
): readonly PipeConfig[] {
  const builtIn = byName.get('rewrite')
  if (to === undefined || !builtIn) return []
  const known = new Set(matched.match(PARAMETER))
  const unknown = to.match(PARAMETER)?.find((one) => !known.has(one))
  if (unknown !== undefined) {
    const hint = known.size === 0 ? 'put it into match.path' : `it has ${[...known].join(', ')}`
    context.report.fault(path, { message: `the path of the route has no ${unknown}`, hint })
    return []
  }
  const draft = { path: to.replace(PARAMETER, '{param.$1}') }
  const checked = builtIn.schema.safeParse(draft)
  for (const { message } of checked.error?.issues ?? []) context.report.fault(path, message)
  if (!checked.success) return []
  const options = builtIn.read(draft, path, context)
  return [{ ...PIPE, use: builtIn.name, name: builtIn.name, options, at: context.place(path) }]
}

const PARAMETER = /\{([A-Za-z_][A-Za-z0-9_-]*)\}/g

function readPipe(draft: PipeDraft, path: Path, context: Context): PipeConfig | undefined {
  const common = readCommon(draft, path, context)
  const { use } = draft
  if (use === undefined) return undefined
  const builtIn = byName.get(use)
  if (!builtIn) return readModule(use, draft, common, path, context)
  if (common.isolate === 'thread') {
    const hint = 'only modules run in a thread'
    context.report.fault([...path, 'isolate'], { message: `${use} is part of the gateway`, hint })
  }
  const options = builtIn.read(optionsOf(context.check(schemaOf(builtIn), path)), path, context)
  const guarding = guards(builtIn, options)
  if (common.onThrow === 'skip' && guarding) {
    const message = `without ${use}, requests would pass that must not`
    context.report.fault([...path, 'on_throw'], { message, hint: 'leave on_throw out: the exchange fails then' })
  }
  return { use, name: draft.name ?? use, options, ...(guarding && { guards: true }), ...common }
}

function guards({ guards: told }: BuiltIn, options: unknown): boolean {
  return typeof told === 'function' ? told(options) : told === true
}

type Common = Omit<PipeConfig, 'use' | 'name' | 'module' | 'digest' | 'options' | 'guards'>

function readCommon(draft: PipeDraft, path: Path, context: Context): Common {
  const { buffer, when } = draft
  const fault = when === undefined ? undefined : celFault(when)
  if (fault) context.report.fault([...path, 'when'], fault)
  const bytes = (value: number | string | undefined) => (value === undefined ? undefined : sizeBytes(value))
  return {
    ...defined({ when, breaker: readBreaker(draft.breaker, [...path, 'breaker'], context) }),
    onThrow: draft.on_throw ?? PIPE.onThrow,
    hookMs: readMs(draft, 'hook_timeout', path, context) ?? PIPE.hookMs,
    isolate: draft.isolate ?? PIPE.isolate,
    ...(buffer && { buffer: defined({ request: bytes(buffer.request), response: bytes(buffer.response) }) }),
    at: context.place(path),
  }
}

function readBreaker(given: PipeDraft['breaker'], path: Path, context: Context): PipeConfig['breaker'] {
  if (given === undefined || given === false) return undefined
  if (given === true) return PIPE_BREAKER
  return {
    ...PIPE_BREAKER,
    ...defined({ failures: given.failures, openMs: readMs(given, 'open', path, context) }),
  }
}

/** The common keys stand beside the options, so that what is unknown is compared with both. */
function schemaOf(builtIn: BuiltIn): z.ZodType {
  let schema = schemas.get(builtIn)
  if (!schema) schemas.set(builtIn, (schema = builtIn.schema.extend(pipeKeys)))
  return schema
}

function optionsOf(entry: unknown): Record<string, unknown> {
  const all = isObject(entry) ? Object.entries(entry) : []
  return Object.fromEntries(all.filter(([key]) => !Object.hasOwn(pipeKeys, key)))
}

function readModule(
  use: string,
  draft: PipeDraft,
  common: Common,
  path: Path,
  { report, services, directory, findModule }: Context,
): PipeConfig | undefined {
  // Its code may send requests to any of them.
  services.useUnseen()
  const found = findModule(use, directory)
  if ('fault' in found) {
    const near = /[/@]/.test(use) ? undefined : closest(use, [...byName.keys()])
    if (near === undefined) report.fault([...path, 'use'], found.fault)
    else report.fault([...path, 'use'], { message: `there is no pipe ${quoted(use)}`, hint: `did you mean "${near}"?` })
    return undefined
  }
  warnOfCommonKeys(draft, path, report)
  const options = optionsOf(draft)
  checkNumbers(options, path, report)
  const name = isModulePath(use) ? basename(use, extname(use)) : use.replace(/(.)@.*$/, '$1')
  const { file: module, digest } = found
  return { use, name: draft.name ?? name, module, ...defined({ digest }), options, ...common }
}

/** Short words are too near to each other to tell a slip from an option. */
const LONG_KEYS = Object.keys(pipeKeys).filter((key) => key.includes('_'))

function warnOfCommonKeys(draft: PipeDraft, path: Path, report: Report): void {
  for (const key of Object.keys(optionsOf(draft))) {
    const near = closest(key, LONG_KEYS)
    const message = `${quoted(key)} goes to the module, as an option of its own`
    if (near !== undefined) report.warn([...path, key], { message, hint: `did you mean "${near}"?` }, 'key')
  }
}

/** Options travel as JSON, which has no other numbers than finite ones. */
function checkNumbers(value: unknown, path: Path, report: Report): void {
  if (typeof value === 'number' && !Number.isFinite(value)) report.fault(path, `must be a finite number, not ${value}`)
  if (!isObject(value)) return
  for (const [key, inner] of Object.entries(value)) {
    checkNumbers(inner, [...path, Array.isArray(value) ? Number(key) : key], report)
  }
}
