// The faults and the reasons under which clients see and operators count them: one for one, and under the same name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fault from '../../../processor/engine/fault.js'
import { REFUSALS } from '../../../shared/metrics/refusals.js'

/** Of the connection, or of the gateway: no parser returns them. */
const OTHERS = ['overload', 'too-many-connections', 'tls-handshake', 'internal']

const faults = Object.entries(fault).filter((entry): entry is [string, number] => Number(entry[1]) < 0)

test('every fault of a client has a reason of its own under its own name, and every reason is used', () => {
  const named = faults.map(([name, result]) => [name.toLowerCase().replaceAll('_', '-'), fault.slugOf(result)] as const)
  const clients = named.filter(([, slug]) => slug !== 'internal')
  for (const [name, slug] of clients) assert.equal(slug, name)
  assert.deepEqual([...clients.map(([, slug]) => slug), ...OTHERS].sort(), [...REFUSALS].sort())
  for (const slug of REFUSALS) assert.match(slug, /^[a-z0-9]+(-[a-z0-9]+)*$/)
})

test('what only an answer can have is never counted against a client', () => {
  const answers = faults.filter(([, result]) => fault.slugOf(result) === 'internal')
  assert.deepEqual(
    answers.map(([name, result]) => [name, fault.codeOf(result)]),
    ['BAD_STATUS_LINE', 'FRAMED_SWITCH', 'TOO_MANY_INTERIM', 'UNASKED_UPGRADE'].map((name) => [name, 'bad-answer']),
  )
})
