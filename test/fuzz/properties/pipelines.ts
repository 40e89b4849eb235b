// Requests of one client, one behind the other: the engine's parsers find the same messages as the reference, however the bytes
// are cut.
import assert from 'node:assert/strict'
import { piecesOf, type RequestsCase } from '../cases.js'
import { pipelines as cases } from '../generate/cases.js'
import { limitsOf, readByEngine } from '../product/requests.js'
import { readRequests } from '../reference/messages.js'
import { countedAs, type Property, type Verdict } from './property.js'
import { sameHead } from './request-heads.js'

export const pipelines: Property<RequestsCase> = {
  name: 'pipelines',
  suits: ({ kind }) => kind === 'requests',
  cases,
  round: 2000,
  start: () => check,
}

function check(tried: RequestsCase): Verdict {
  const said = readRequests(tried.bytes, tried)
  for (const pieces of [[tried.bytes], piecesOf(tried)]) {
    const seen = readByEngine(pieces, limitsOf(tried), tried.trusted)
    const heard = `${JSON.stringify(pieces)}: the reference: ${said.ending} (${said.why}); the parsers: ${seen.ending}`
    assert.deepEqual(
      seen.messages.map(({ kind, bodyStart, end, passes }) => ({ kind, bodyStart, end, passes })),
      said.messages.map(({ body, bodyStart, end }) => ({ kind: body.kind, bodyStart, end, passes: body.passes })),
      heard,
    )
    seen.messages.forEach((message, i) => sameHead(message.head, said.messages[i]?.head as never, tried.trusted))
    // What is not whole yet may be refused already, where no continuation could save it.
    if (said.ending !== 'open') assert.equal(seen.ending, said.ending, heard)
    else assert.ok(seen.ending === 'open' || seen.ending === 'refused', heard)
  }
  return countedAs(said.ending)
}
