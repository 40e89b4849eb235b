// Knows other gateways' config files by what is in them, and has them parsed as the native configs that they amount to.
import type { Document } from '../document.js'
import type { Parsed, Problem } from '../model.js'
import { hideExpansion, inFileOrder, pathText } from '../problem.js'
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
  if (!isObject(data) || Array.isArray(data) || isNative(data)) return undefined
  return IMPORTERS.find((importer) => importer.recognises(data))
}

/** The full layout, or the classic one with at least one service. */
function isNative(data: Readonly<Record<string, unknown>>): boolean {
  if ('meta-info' in data || (data['version'] === 1 && 'services' in data)) return true
  return Object.values(data).some((value) => isObject(value) && 'servers' in value && 'apis' in value)
}

/** What `importer` makes of the file, with the settings that the file has for this product alone. */
export function convert(source: Document, importer: Importer): Imported {
  return withOwn(importer.convert(withoutOwn(source)), source)
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
  return parsed.ok ? { ...parsed, warnings: inFileOrder([...notesOf(source, made), ...parsed.warnings]) } : parsed
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
