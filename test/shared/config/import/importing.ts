// Parses a config of another gateway, and shows what the importer said and what came of it.
import assert from 'node:assert/strict'
import { readDocument } from '../../../../shared/config/document.js'
import type { Imported } from '../../../../shared/config/import/import.js'
import { convert, importerFor } from '../../../../shared/config/import/index.js'
import { writeNative } from '../../../../shared/config/import/write.js'
import type { Config, Parsed } from '../../../../shared/config/model.js'
import { formatOf, parseConfig } from '../../../../shared/config/parse.js'
import { formatProblem } from '../../../../shared/config/problem.js'

const DEPS = { cwd: '/c', cores: 2, read: 'nothing' } as const

export const parse = (text: string, file: string, env = {}): Parsed => parseConfig(text, file, env, DEPS)

/** The config, and its warnings as lines. */
export function imported(text: string, file: string, env = {}): { config: Config; warnings: string[] } {
  const parsed = parse(text, file, env)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  return { config: parsed.config, warnings: parsed.warnings.map(formatProblem) }
}

/** The faults as lines. */
export function refused(text: string, file: string, env = {}): string[] {
  const parsed = parse(text, file, env)
  assert.ok(!parsed.ok, 'it was accepted')
  return parsed.problems.map(formatProblem)
}

/** What the importer makes of a text: the native config as a user would write it. */
export function native(text: string, file: string, env: Record<string, string> | 'as-written' = {}) {
  const source = readDocument(text, file, formatOf(file) ?? 'yaml', env)
  const importer = importerFor(source)
  assert.ok(importer, 'nobody knows it')
  const made: Imported = convert(source, importer)
  assert.ok(made.ok, made.ok ? '' : JSON.stringify(made.faults))
  const config = JSON.parse(JSON.stringify(made.config)) as {
    discovery?: Record<string, unknown>
    processor?: Record<string, unknown> & { listeners?: Record<string, unknown>[] }
    services: Record<string, Record<string, unknown>>
    routes?: Record<string, unknown>[]
  }
  return { config, written: writeNative(made, source, importer), format: importer.format, notes: made.notes }
}

/** Without what says where things stand in which file. */
export function withoutPlaces(config: Config): unknown {
  return JSON.parse(
    JSON.stringify(config, (key, value: unknown) => (key === 'at' || key === 'file' ? undefined : value)),
  )
}
