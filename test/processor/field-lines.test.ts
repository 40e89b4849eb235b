// Header fields as lines: what is the engine's own cannot be set by anybody else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FieldLines, lineOf } from '../../processor/field-lines.js'

test('what frames a message, and whom it is for, is nobody else to set', () => {
  const fields = new FieldLines('X-A: 1\r\n')
  for (const name of ['Host', 'host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Upgrade']) {
    assert.throws(() => fields.set(name, 'x'), /the gateway's own to set/, name)
    assert.throws(() => fields.add(name, 'x'), /the gateway's own to set/, name)
    assert.throws(() => fields.delete(name), /the gateway's own to set/, name)
    assert.throws(() => lineOf(name, 'x'), /the gateway's own to set/, name)
  }
  assert.equal(fields.text, 'X-A: 1\r\n')
})
