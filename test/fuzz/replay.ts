// The corpus first: what was once found must not come back.
import assert from 'node:assert/strict'
import type { Case } from './cases.js'
import { type CorpusFile, readCorpus } from './corpus-file.js'
import { type Property, withCheck } from './properties/property.js'
import { verdictOf } from './verdict.js'
import type { Watchdog } from './watchdog.js'

/** Every file through every property that it suits; what failed, in words. */
export async function replay(properties: readonly Property[], watchdog: Watchdog): Promise<string[]> {
  const files = readCorpus()
  const findings: string[] = []
  for (const property of properties) {
    await withCheck(property, async (check) => {
      for (const file of files.filter((f) => property.suits(f.case))) {
        watchdog.watch(property.name, file.case)
        const failure = await failureOf(file, check)
        watchdog.rest()
        if (failure !== undefined) findings.push(`corpus/${file.name} (${file.title}), ${property.name}: ${failure}`)
      }
    })
  }
  return findings
}

async function failureOf(file: CorpusFile, check: (tried: Case) => unknown): Promise<string | undefined> {
  try {
    assert.equal(verdictOf(file.case), file.expect, 'the reference')
    await check(file.case)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
