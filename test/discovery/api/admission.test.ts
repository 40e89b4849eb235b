// Which instances get series of their own: all while they are few, then those with traffic, and never one in turns.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdmission } from '../../../discovery/api/metrics/admission.js'
import type { InstanceRow } from '../../../discovery/api/metrics/scrape.js'
import { countOf } from './server.js'

/** Instances a, b, c …; those in capitals have had requests. */
function rows(ids: string): InstanceRow[] {
  return [...ids].map((id) => ({
    instance: { id: id.toLowerCase() } as InstanceRow['instance'],
    pairs: '',
    count: id === id.toUpperCase() ? countOf({ instance: id.toLowerCase() }) : undefined,
    tried: undefined,
  }))
}

const ids = (shown: readonly InstanceRow[]) => shown.map(({ instance }) => instance.id).join('')

test('few instances are all shown, with traffic or without', () => {
  assert.equal(ids(createAdmission(3)(rows('abc'))), 'abc')
})

test('of too many only those with traffic are shown, and no more than the bound', () => {
  const admit = createAdmission(3)
  assert.equal(ids(admit(rows('abcdE'))), 'e')
  assert.equal(ids(admit(rows('aBcDE'))), 'bde')
  assert.equal(ids(admit(rows('ABCDE'))), 'bde')
})

test('who is shown stays until it leaves, and its place goes to another one', () => {
  const admit = createAdmission(2)
  assert.equal(ids(admit(rows('abCD'))), 'cd')
  assert.equal(ids(admit(rows('ABCD'))), 'cd')
  assert.equal(ids(admit(rows('ABD'))), 'ad')
})

test('when too many come, those that were shown before stay', () => {
  const admit = createAdmission(2)
  assert.equal(ids(admit(rows('xy'))), 'xy')
  assert.equal(ids(admit(rows('ABxy'))), 'xy')
})
