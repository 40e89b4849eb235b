// What a page shows as config is a config: who pastes it, and writes the services around it, has no fault to look for.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { loadWithPipes } from '../../cli/pipe-check.js'
import { formatProblem } from '../../shared/config/problem.js'
import { makeCertificate } from '../kit/certificates.js'
import { ROOT } from './sources.js'

type Plain = Record<string, unknown>

const TOP = ['version', 'discovery', 'processor', 'services', 'routes']
const OF_SERVICE = [
  'servers',
  'polling',
  'balance',
  'retry',
  'hedge',
  'breaker',
  'outlier',
  'concurrency',
  'timeout',
  'pipes',
]
/** What a part leaves to its reader: an instance, and how it is asked. */
const SERVICE = { servers: ['127.0.0.1:9101'], polling: { method: 'tcp' } }
/** YAML of others, and a comment. */
const NO_CONFIG = /^(?:scrape_configs:|# Once )/

interface Block {
  /** File and line. */
  readonly at: string
  readonly text: string
}

function blocksIn(file: string): Block[] {
  const page = readFileSync(join(ROOT, file), 'utf8')
  return [...page.matchAll(/^```(yaml|json)\n([^]*?)^```/gm)].flatMap(({ 1: kind, 2: text = '', index }) => {
    // JSON is what the ports answer, too.
    const isConfig = kind === 'json' ? /"servers":/.test(text) && /"apis":/.test(text) : !NO_CONFIG.test(text)
    return isConfig ? [{ at: `${file}:${page.slice(0, index).split('\n').length}`, text }] : []
  })
}

/** The text of a file with this part in it. */
function whole(text: string): string {
  const part: unknown = parse(text)
  if (Array.isArray(part)) return serviceWith({ pipes: part })
  const keys = Object.keys(part as Plain)
  if (keys.every((key) => OF_SERVICE.includes(key))) return serviceWith(part as Plain)
  // The classic layout, and the files of other gateways.
  if (!keys.every((key) => TOP.includes(key))) return text
  const { services: given = {}, ...rest } = part as { readonly services?: Record<string, Plain> }
  const services: Record<string, Plain> = { ...given }
  for (const name of mentioned(part)) services[name] ??= {}
  if (Object.keys(services).length === 0) services['any'] = {}
  for (const [name, own] of Object.entries(services)) services[name] = { ...SERVICE, apis: [`/of-${name}`], ...own }
  return stringify({ version: 1, ...rest, services })
}

function serviceWith(part: Plain): string {
  const others = 'servers' in part ? {} : SERVICE
  return stringify({ version: 1, services: { any: { ...others, apis: ['/any'], ...part } } })
}

/** Names of services that a part speaks of. */
function mentioned(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    ['service', 'send_to', 'tcp'].includes(key) && typeof inner === 'string' ? [inner] : mentioned(inner),
  )
}

/** Ways to write one key, one a line, are texts of their own. */
function choices(text: string): string[] {
  const lines = text.trimEnd().split('\n')
  const [key] = /^\w+:/.exec(text) ?? []
  return key !== undefined && lines.every((line) => line.startsWith(key)) ? lines : [text]
}

/** What the files hold that pages speak of, by how they do. */
async function contentsOf(): Promise<readonly [RegExp, string, (name: string) => string][]> {
  const { cert, key } = await makeCertificate({ names: ['DNS:orders.internal', 'DNS:*.example.org'] })
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwks = { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'main', alg: 'RS256' }] }
  const pipe = 'export default { create: () => ({ onRequest() {} }) }'
  const asIs = (name: string) => name
  return [
    [/\bkey: ([\w./-]+)/g, key, asIs],
    [/\b(?:cert|ca_file): ([\w./-]+)/g, cert, asIs],
    [/\bjwks_file: ([\w./-]+)/g, JSON.stringify(jwks), asIs],
    [/\bhtml_file: ([\w./-]+)/g, '<p>{title}</p>', asIs],
    [/\buse: (\.[\w./-]+)/g, pipe, asIs],
    [
      /\buse: '(@[\w/-]+)@/g,
      '{ "version": "2.0.0", "exports": "./i.mjs" }',
      (name) => `node_modules/${name}/package.json`,
    ],
    [/\buse: '(@[\w/-]+)@/g, pipe, (name) => `node_modules/${name}/i.mjs`],
  ]
}

async function writeFiles(folder: string, text: string, contents: Awaited<ReturnType<typeof contentsOf>>) {
  for (const [pattern, content, fileOf] of contents) {
    for (const [, name = ''] of text.matchAll(pattern)) {
      await mkdir(dirname(join(folder, fileOf(name))), { recursive: true })
      await writeFile(join(folder, fileOf(name)), content)
    }
  }
}

const PAGES = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name))

test('each config that a page shows has neither faults nor warnings', async (t) => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'serverpy-doc-configs-')))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  const contents = await contentsOf()
  const file = join(folder, 'c.yaml')
  const told: string[] = []
  let read = 0
  for (const { at, text } of ['README.md', ...PAGES].flatMap(blocksIn)) {
    await writeFiles(folder, text, contents)
    const env = Object.fromEntries([...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => [name, 'x'.repeat(32)]))
    for (const choice of choices(text)) {
      await writeFile(file, whole(choice))
      const parsed = await loadWithPipes(file, env)
      // What another gateway's file says that has no counterpart is a warning, and meant.
      const warnings = parsed.ok && !choice.startsWith('listen_addr:') ? parsed.warnings : []
      const problems = parsed.ok ? warnings : parsed.problems
      told.push(...problems.map((one) => `${at}: ${formatProblem({ ...one, file: '', line: 0 }).trim()}`))
      read++
    }
  }
  assert.deepEqual(told, [])
  assert.ok(read > 50, `only ${read} were found`)
})
