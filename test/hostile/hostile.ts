// One class of hostile bytes is one test: its message holds every case that went wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostileCase } from './case.js'
import { report, run, type RunOptions } from './run.js'

export function hostileClass(title: string, cases: readonly HostileCase[], options: RunOptions = {}): void {
  test(`${title} (${cases.length} cases)`, async () => {
    const names = cases.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length, 'each case has a name of its own')
    const failures = await run(cases, options)
    assert.equal(failures.length, 0, `${failures.length} of ${cases.length} cases\n${report(failures)}`)
  })
}
