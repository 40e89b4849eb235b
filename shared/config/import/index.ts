// Knows other gateways' config files by what is in them, and has them parsed as the native configs that they amount to.
import type { Document } from '../document.js'
import type { Parsed, Problem } from '../model.js'
import { hideExpansion, inFileOrder, pathText, quoted } from '../problem.js'
import { isObject } from '../reader.js'
import { harbrRouter } from './harbr/index.js'
import { harp } from './harp/index.js'
import type { Imported, Importer, Note, SourceFault } from './import.js'
import { krakend } from './krakend/index.js'
import { nativeDocument } from './native.js'
import { withOwn, withoutOwn } from './own-settings.js'
import { pipehub } from './pipehub/index.js'
import { problemsOutside } from './told.js'

const IMPORTERS: readonly Importer[] = [harbrRouter, harp, krakend, pipehub]

/** What people call the gateways whose files are known. */
export const TITLES: readonly string[] = IMPORTERS.map(({ title }) => title)

/** The importer for what is in `document`; undefined for a native config, and for what nobody knows. */
export function importerFor({ data }: Document): Importer | undefined {
  return knownAs(data)[0]?.importer
}

interface Known {
  readonly importer: Importer
  readonly marks: readonly string[]
}

/** Of several the first counts. */
function knownAs(data: unknown): readonly Known[] {
  if (!isObject(data) || Array.isArray(data) || isNative(data)) return []
  return IMPORTERS.map((importer) => ({ importer, marks: importer.marks(data) })).filter(
    ({ marks }) => marks.length > 0,
  )
}

/** The full layout, or the classic one with at least one service that has most of what it needs. */
function isNative(data: Readonly<Record<string, unknown>>): boolean {
  const { version } = data
  // A text holds a variable, where they are not expanded.
  if ('meta-info' in data || ('services' in data && (version === 1 || typeof version === 'string'))) return true
  return Object.values(data).some(
    (value) => isObject(value) && 'servers' in value && ('apis' in value || 'polling' in value),
  )
}

/** What `importer` makes of the file, with the settings that the file has for this product alone. */
export function convert(source: Document, importer: Importer): Imported {
  const made = withOwn(importer.convert(withoutOwn(source)), source)
  const doubts = doubtsOf(source)
  return made.ok ? { ...made, notes: [...doubts, ...made.notes] } : { ok: false, faults: [...doubts, ...made.faults] }
}

/** That a file is known as more than one gateway's. */
function doubtsOf({ data }: Document): readonly Note[] {
  const [first, ...others] = knownAs(data)
  if (first === undefined || others.length === 0) return []
  const told = [first, ...others].map(({ importer, marks }) => `${importer.title} (${listed(marks)})`)
  const message = `this fits ${told.join(' and ')}: it is read as a config of ${first.importer.title}`
  const hint = `take ${listed(first.marks)} out to have it read as one of ${others[0]?.importer.title}`
  return [{ path: first.marks.slice(0, 1), part: 'key', message, hint }]
}

function listed(keys: readonly string[]): string {
  return keys.map(quoted).join(', ')
}

/** `parse` is for native documents. What has no counterpart is among the warnings. */
export function parseImported(file: Document, importer: Importer, parse: (native: Document) => Parsed): Parsed {
  const source = { ...file, problems: problemsOutside(importer.told ?? [], file) }
  const made = convert(source, importer)
  if (!made.ok) {
    const faults = made.faults.map((fault) => problemAt(source, { part: 'value', ...fault }))
    return { ok: false, problems: inFileOrder([...source.problems, ...faults]) }
  }
  const parsed = parse(nativeDocument(made, source))
  if (parsed.ok) return { ...parsed, warnings: inFileOrder([...notesOf(source, made), ...parsed.warnings]) }
  const doubts = doubtsOf(source).map((doubt) => problemAt(source, doubt))
  return { ok: false, problems: inFileOrder([...doubts, ...parsed.problems]) }
}

/** What has no counterpart, in the order of the file. */
export function notesOf(source: Document, { notes }: Extract<Imported, { ok: true }>): Problem[] {
  return inFileOrder(notes.map((note) => problemAt(source, note)))
}

function problemAt(source: Document, { path, part = 'key', message, hint }: Note | SourceFault): Problem {
  const { line, col } = source.place(path, part)
  const told = { file: source.file, line, col, path: pathText(path), message: hideExpansion(message, path, source) }
  return hint === undefined ? told : { ...told, hint: hideExpansion(hint, path, source) }
}
