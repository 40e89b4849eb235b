// Imports point one way and each package has one owner; without this test both rules would wear away line by line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importsOf, sourcesIn } from './sources.js'
import type { Import, SourceFile } from './sources.js'

const HALVES = ['cli', 'discovery', 'processor', 'shared'] as const
type Half = (typeof HALVES)[number]

/** The two halves meet in `shared`; only the command sees both. */
const MAY_SEE: Record<Half, readonly Half[]> = {
  cli: ['cli', 'discovery', 'processor', 'shared'],
  discovery: ['discovery', 'shared'],
  processor: ['processor', 'shared'],
  shared: ['shared'],
}

/** Who may import a package. On the path of a request are only those of pipes that a config has asked for. */
const OWNERS: Record<string, RegExp> = {
  '@marcbachmann/cel-js': /^shared\/config\/pipes\/cel\.ts$/,
  ajv: /^shared\/config\/pipes\/json-schema\.ts$/,
  'ajv-formats': /^shared\/config\/pipes\/json-schema\.ts$/,
  axios: /^(discovery\/(sources|webhooks)|cli)\//,
  'better-sqlite3': /^discovery\/store\/sqlite\/driver\.ts$/,
  commander: /^cli\//,
  express: /^discovery\/api\//,
  'http-cache-semantics': /^processor\/pipes\/cache\/policy\.ts$/,
  jose: /^processor\/pipes\/auth\/jwt\.ts$/,
  // Retention, roll-ups, polling by cron expression, scheduled dumps.
  'node-cron': /^discovery\/(store\/(retention|roll-?ups)|polling\/cron|api\/dump)\.ts$/,
  picocolors: /^cli\//,
  ping: /^discovery\/polling\/probes\//,
  'pino-pretty': /^cli\//,
  pino: /^cli\//,
  yaml: /^shared\/config\//,
  zod: /^shared\/config\//,
}

/** What a pipe or a handler may bring: never the engine, the routes, the balancing. */
const MAY_HAVE_PACKAGES = /^processor\/(pipes\/(auth|cache)|handlers\/merge)\//

function crossing(line: Import): string | undefined {
  if (line.file === undefined) return undefined
  const from = line.from.split('/')[0] as Half
  const to = line.file.split('/')[0] as Half
  return MAY_SEE[from].includes(to) ? undefined : `${line.from} imports ${line.specifier}: ${from} may not see ${to}`
}

function trespass(line: Import): string | undefined {
  if (line.pkg === undefined) return undefined
  const owner = OWNERS[line.pkg]
  if (!owner) return `${line.from} imports ${line.pkg}, which has no owner`
  return owner.test(line.from) ? undefined : `${line.from} imports ${line.pkg}, which belongs to ${owner.source}`
}

const found = (check: (line: Import) => string | undefined, files: SourceFile[]) =>
  files.flatMap(importsOf).flatMap((line) => check(line) ?? [])

const product = HALVES.flatMap(sourcesIn)

test('imports point one way: discovery and processor never see each other, shared sees neither', () => {
  for (const half of HALVES) assert.notEqual(sourcesIn(half).length, 0, `${half} has source files`)
  assert.deepEqual(found(crossing, product), [])
})

test('each package is imported by its owner alone', () => {
  assert.deepEqual(found(trespass, product), [])
})

test('the processor imports no package but in the folders of single pipes', () => {
  const packages = found(
    ({ from, pkg }) => (pkg === undefined || MAY_HAVE_PACKAGES.test(from) ? undefined : `${from} imports ${pkg}`),
    sourcesIn('processor'),
  )
  assert.deepEqual(packages, [])
})

test('the rules see static, type-only, dynamic, re-exported and required imports', () => {
  const text = [
    "import type { A } from '../discovery/a.js'",
    "export { b } from '../cli/b.js'",
    "const c = await import('../discovery/c.js')",
    "import express from 'express'",
    "const d = await import('left-pad/deep/path')",
    "import { e } from '../shared/e.js'",
    "import { f } from 'node:net'",
  ]
  const sample = [{ path: 'processor/sample.ts', text: text.join('\n') }]
  assert.deepEqual(found(crossing, sample), [
    'processor/sample.ts imports ../discovery/a.js: processor may not see discovery',
    'processor/sample.ts imports ../cli/b.js: processor may not see cli',
    'processor/sample.ts imports ../discovery/c.js: processor may not see discovery',
  ])
  assert.deepEqual(found(trespass, sample), [
    'processor/sample.ts imports express, which belongs to ^discovery\\/api\\/',
    'processor/sample.ts imports left-pad, which has no owner',
  ])
})
