// A minute of fuzzing with each run of the tests, from another seed each time; `npm run fuzz` goes on for longer.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { formatCase, parseCase, readCorpus } from './corpus-file.js'
import { answers, chunks, pipelines } from './generate/cases.js'
import { ALL, PARSING } from './properties/all.js'
import { replay } from './replay.js'
import { runProperty } from './runner.js'
import { startWatchdog } from './watchdog.js'

const PARSING_MS = 4_000
const LIVE_MS = 10_000

const watchdog = startWatchdog()
after(() => watchdog.stop())
const seed = Date.now() % 1_000_000_000

test('a case that is written to the corpus is read back as it was', () => {
  fc.assert(
    fc.property(fc.oneof(pipelines, answers, chunks), (tried) => {
      const { case: again, ...rest } = parseCase('x.txt', formatCase('A title', '1 whole, end', tried))
      assert.deepEqual(again, tried)
      assert.deepEqual(rest, { name: 'x.txt', title: 'A title', expect: '1 whole, end' })
    }),
  )
})

test('what was once found does not come back', async () => {
  assert.notEqual(readCorpus().length, 0)
  assert.deepEqual(await replay(ALL, watchdog), [])
})

for (const property of ALL) {
  test(`the product and the reference agree on ${property.name}`, async (t) => {
    const forMs = PARSING.includes(property) ? PARSING_MS : LIVE_MS
    const { finding, runs } = await runProperty(property, { seed, forMs, watchdog })
    assert.equal(finding, undefined, finding)
    t.diagnostic(`${runs} runs`)
  })
}
