// The published schema, the reference page and the example keep up with the code.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadConfig } from '../../../shared/config/load.js'
import { BUILT_INS } from '../../../shared/config/pipes/index.js'
import { jsonSchema } from '../../../shared/config/schema/json-schema.js'
import { pipeKeys } from '../../../shared/config/schema/pipe.js'
import { CLASSIC_YAML, FULL_YAML, problemsOf } from './fixtures.js'

const ROOT = new URL('../../../', import.meta.url)
const text = (name: string) => readFileSync(new URL(name, ROOT), 'utf8')
const schema = jsonSchema()

type Defs = Readonly<Record<string, unknown>>

/** The options of built-in pipes, and what they are made of: each pipe has a page of its own. */
const optionDefs = ({ $defs }: Record<string, unknown>): ReadonlyMap<string, Defs> =>
  new Map(
    BUILT_INS.map(({ name }) => {
      const found = new Map<string, unknown>()
      const collect = (id: string): void => {
        if (found.has(id) || COMMON.has(id)) return
        found.set(id, ($defs as Defs)[id])
        for (const [, ref = ''] of JSON.stringify(found.get(id)).matchAll(/"#\/\$defs\/(\w+)"/g)) collect(ref)
      }
      collect(`Pipe${name.replace(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase())}`)
      return [name, Object.fromEntries(found)]
    }),
  )

const COMMON = new Set(['PipeBuffer', 'PipeBreaker', 'Variable'])

/** Without what belongs to built-in pipes alone. */
function withoutOptions(whole: Record<string, unknown>): unknown {
  const own = new Set([...optionDefs(whole).values()].flatMap((defs) => Object.keys(defs)))
  return Object.fromEntries(Object.entries(whole['$defs'] as Defs).filter(([name]) => !own.has(name)))
}

/** Every key that an object of the schema may have. */
function keysOf(node: unknown, keys = new Set<string>()): Set<string> {
  if (typeof node !== 'object' || node === null) return keys
  if ('properties' in node && typeof node.properties === 'object') {
    for (const key of Object.keys(node.properties ?? {})) keys.add(key)
  }
  for (const value of Object.values(node)) keysOf(value, keys)
  return keys
}

test('docs/services.schema.json is what the code generates', () => {
  assert.deepEqual(JSON.parse(text('docs/services.schema.json')), schema)
})

test('the reference page has every key of the schema', () => {
  const page = text('docs/config.md')
  const keys = [...keysOf(withoutOptions(schema))]
  assert.ok(keys.length > 80)
  assert.deepEqual(
    keys.filter((key) => !page.includes(`\`${key}\``)),
    [],
  )
})

test('the reference page has no key that the schema lacks', () => {
  const keys = keysOf(withoutOptions(schema))
  const named = [...text('docs/config.md').matchAll(/^\| (`[^|]+`) +\|/gm)].flatMap(
    ([, cell = '']) => cell.match(/[\w$-]+/g) ?? [],
  )
  assert.ok(named.length > 80)
  assert.deepEqual(
    named.filter((key) => !keys.has(key)),
    [],
  )
})

test('each built-in pipe has a page with every option, and an example', () => {
  for (const [name, defs] of optionDefs(schema)) {
    const own = text(`docs/pipes/${name}.md`)
    const linked = [...own.matchAll(/\]\(([\w-]+\.md)/g)].map(([, file = '']) => text(`docs/pipes/${file}`))
    const page = [own, ...linked].join('\n')
    const named = new Set([...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.match(/\w+/g) ?? []))
    const keys = [...keysOf(defs)].filter((key) => !Object.hasOwn(pipeKeys, key))
    assert.deepEqual(
      keys.filter((key) => !named.has(key) && !key.endsWith('_ms')),
      [],
      name,
    )
    assert.match(text(`examples/pipes/${name}.yaml`), new RegExp(`use: ['"]?${name}\\b`))
    assert.match(text('docs/pipes/README.md'), new RegExp(`\\(${name}\\.md\\)`))
  }
})

test('the schema describes every object and every key', () => {
  const defs = schema['$defs'] as Record<
    string,
    { description?: string; properties?: Record<string, { description?: string; $ref?: string }> }
  >
  const silent = Object.entries(defs).flatMap(([name, { description, properties = {} }]) => [
    ...(description === undefined ? [name] : []),
    ...Object.entries(properties).flatMap(([key, about]) =>
      (about.description ?? about.$ref) === undefined ? [`${name}.${key}`] : [],
    ),
  ])
  assert.deepEqual(silent, [])
})

test('every reference inside the schema leads somewhere', () => {
  const defs = schema['$defs'] as object
  const names = [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/(\w+)"/g)].map(([, name = '']) => name)
  assert.ok(names.length > 20)
  assert.deepEqual(
    names.filter((name) => !(name in defs)),
    [],
  )
})

test('the schema takes what the parser takes, and refuses what it refuses', () => {
  const { if: _if, then: _then, else: _else, ...rest } = schema
  const full = z.fromJSONSchema({ ...rest, $ref: '#/$defs/Full' })
  const classic = z.fromJSONSchema({ ...rest, $ref: '#/$defs/Classic' })
  assert.deepEqual(full.safeParse(parse(FULL_YAML)).error?.issues, undefined)
  assert.deepEqual(classic.safeParse(parse(CLASSIC_YAML)).error?.issues, undefined)
  assert.deepEqual(classic.safeParse(JSON.parse(text('services.example.json'))).error?.issues, undefined)
  for (const [right, wrong] of [
    ['frequency: 80', 'frequncy: 80'],
    ['frequency: 80', "frequency: '80'"],
    ['priority: high', 'priority: purple'],
    ['retries: 3', 'retries: -1'],
    ['apis: [/second, /third]', 'apis: []'],
  ] as const) {
    assert.equal(classic.safeParse(parse(CLASSIC_YAML.replace(right, wrong))).success, false, wrong)
  }
  assert.ok(full.safeParse(parse(FULL_YAML.replace('port: 9008', "port: '${PORT}'"))).success)
})

test('the manual names the least that a duration may be, and the parser holds to it', () => {
  const [, ...sections] = text('docs/config.md').split(/^### /m)
  const row = (section: string, key: string) => {
    const found = sections.find((one) => one.startsWith(`${section}\n`)) ?? ''
    return found.split('\n').find((line) => line.startsWith(`| \`${key}\``)) ?? ''
  }
  const told = (section: string, key: string, least: number) => {
    assert.match(row(section, key), new RegExp(`at least ${least}\\b`), `${section} ${key}`)
  }
  const meta = (keys: string) => `a: { servers: [h], polling: { method: ping }, apis: [/a] }\nmeta-info: { ${keys} }`
  const polling = (keys: string) => `a: { servers: [h], polling: { method: ping, ${keys} }, apis: [/a] }`
  const holds = (config: (seconds: number) => string, least: number) => {
    assert.deepEqual(problemsOf(config(least)), [])
    assert.match(problemsOf(config(least * 0.4))[0]?.message ?? '', /must be at least/)
  }
  for (const key of ['events', 'minutes', 'hours', 'requests', 'gone']) {
    told('retention', key, 60)
    holds((seconds) => meta(`retention: { ${key}: ${seconds} }`), 60)
  }
  told('processor', 'hang', 2)
  holds((seconds) => meta(`hang: ${seconds}`), 2)
  told('polling', 'frequency', 0.01)
  holds((seconds) => polling(`frequency: ${seconds}`), 0.01)
  told('polling', 'timeout', 0.001)
  told('expect', 'max_latency', 0.001)
})

test('the example of resilience loads without a warning, and with all that it is an example of', async () => {
  const parsed = await loadConfig(new URL('examples/resilience.yaml', ROOT).pathname, {})
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.warnings, [])
  const [orders] = parsed.config.services
  assert.ok(orders?.hedge && orders.breaker && orders.servers.every((server) => server.polling.damping))
  assert.match(
    text('examples/resilience.yaml'),
    /^# yaml-language-server: \$schema=\.\.\/docs\/services\.schema\.json\n/,
  )
})

test('the example loads without a warning and names its schema', async () => {
  const file = new URL('services.example.json', ROOT).pathname
  const parsed = await loadConfig(file, {})
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.warnings, [])
  assert.deepEqual(
    parsed.config.services.map((service) => [service.name, service.servers.map((server) => server.spec.port)]),
    [
      ['orders', [9101, 9102, 9103]],
      ['users', [9201, 9202]],
      ['catalog', [9301, 9302, 9303]],
    ],
  )
  assert.equal(
    (JSON.parse(text('services.example.json')) as { $schema: string }).$schema,
    './docs/services.schema.json',
  )
})
