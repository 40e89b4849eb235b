// Whatever a file holds, parsing ends in a config or in placed problems, and never in a throw.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseConfig } from '../../../shared/config/parse.js'
import { formatProblem } from '../../../shared/config/problem.js'
import { CLASSIC_JSON, DEPS, FULL_YAML } from './fixtures.js'

function holds(text: string, file: string): void {
  const parsed = parseConfig(text, file, { TOKEN: 'a-long-token' }, DEPS)
  const found = parsed.ok ? parsed.warnings : parsed.problems
  if (!parsed.ok) assert.notEqual(found.length, 0)
  const lineCount = text.split(/\r\n|\r|\n/).length
  for (const problem of found) {
    assert.ok(problem.line >= 0 && problem.line <= lineCount, JSON.stringify(problem))
    assert.doesNotMatch(formatProblem(problem), /[\n\r]/)
  }
  const places = found.map((problem) => [problem.line, problem.col] as const)
  assert.deepEqual(
    places,
    places.toSorted(([a, b], [c, d]) => a - c || b - d),
  )
}

test('any text at all is answered', () => {
  const extension = fc.constantFrom('f.json', 'f.yaml', 'f.yml', 'f.txt')
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 50 })),
      extension,
      holds,
    ),
    { numRuns: 500 },
  )
})

test('a right file with pieces cut out, doubled or replaced is answered', () => {
  const original = fc.constantFrom({ text: CLASSIC_JSON, file: 'f.json' }, { text: FULL_YAML, file: 'f.yaml' })
  const piece = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom('{', '}', '[', ']', ',', ':', '"', "'", '\n', '- ', '&a ', '*a', '${A}'),
  )
  fc.assert(
    fc.property(original, fc.nat(), fc.nat({ max: 40 }), piece, ({ text, file }, at, length, put) => {
      const start = at % text.length
      holds(text.slice(0, start) + put + text.slice(start + length), file)
    }),
    { numRuns: 500 },
  )
})

const WORDS = [
  ...FULL_YAML.matchAll(/[a-z_]{3,}/g),
  ...CLASSIC_JSON.matchAll(/[a-z_-]{3,}/g),
  ...'constructor toString __proto__ hasOwnProperty length'.matchAll(/\S+/g),
].map(([word]) => word)

test('known keys with any values, in any arrangement, are answered', () => {
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, depthSize: 'large' },
      fc.oneof(
        fc.constantFrom(...WORDS, '/a', 'h:80', '10s', '* * * * *', '${A}', '${A:-5}', '-x', ''),
        fc.integer(),
        fc.double(),
        fc.boolean(),
        fc.constant(null),
      ),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...WORDS), tie('value'), { maxKeys: 6 }),
    ),
  }))
  const layout = fc.constantFrom<Record<string, unknown>>({}, { version: 1 })
  const root = fc.dictionary(
    fc.constantFrom('services', 'discovery', 'processor', 'routes', 'meta-info', 'orders', 'constructor'),
    value,
  )
  fc.assert(
    fc.property(layout, root, fc.boolean(), (start, rest, json) => {
      const data = { ...start, ...rest }
      holds(json ? JSON.stringify(data) : stringify(data), json ? 'f.json' : 'f.yaml')
    }),
    { numRuns: 1000 },
  )
})

test('a right file stays right as JSON and as YAML, and gives the same config', () => {
  const json = parseConfig(CLASSIC_JSON, 'f.json', {}, DEPS)
  const yaml = parseConfig(stringify(JSON.parse(CLASSIC_JSON)), 'f.yaml', {}, DEPS)
  assert.ok(json.ok && yaml.ok)
  assert.deepEqual({ ...json.config, file: '' }, { ...yaml.config, file: '' })
})
