// The scanner of chunked bodies finds the end and the content that the reference finds, however the bytes are cut.
import assert from 'node:assert/strict'
import { ChunkScanner } from '../../../processor/engine/chunked.js'
import { reasonOf } from '../../../processor/engine/fault.js'
import { type ChunksCase, piecesOf } from '../cases.js'
import { chunks } from '../generate/cases.js'
import { surrounded } from '../product/requests.js'
import { readChunked } from '../reference/chunks.js'
import type { Property, Verdict } from './property.js'

export const chunkedBodies: Property<ChunksCase> = {
  name: 'chunked-bodies',
  suits: ({ kind }) => kind === 'chunks',
  cases: chunks,
  round: 2000,
  start: () => check,
}

interface Scanned {
  readonly verdict: 'whole' | 'open' | 'refused'
  readonly end: number
  readonly content: string
  readonly passes: string
  readonly why: string
}

/** Every split point of a body up to this size is tried; a longer one is cut as the case says. */
const SMALL = 300

function check(tried: ChunksCase): Verdict {
  const { bytes } = tried
  const said = readChunked(bytes, { of: tried.of, hop: tried.hop === '' ? [] : [tried.hop] })
  const splits = [[bytes], piecesOf(tried), ...(bytes.length > SMALL ? [] : everySplit(bytes))]
  for (const pieces of splits) {
    const seen = scan(pieces, tried)
    const heard = `${JSON.stringify(pieces)}: the reference: ${said.kind}${said.kind === 'refused' ? ` (${said.why})` : ''}; the scanner: ${seen.verdict} ${seen.why}`
    if (said.kind === 'open') assert.notEqual(seen.verdict, 'whole', heard)
    else assert.equal(seen.verdict, said.kind, heard)
    if (said.kind !== 'whole') continue
    assert.equal(seen.end, said.end, heard)
    assert.equal(seen.content, said.value.content, heard)
    assert.equal(seen.passes, said.value.passes, heard)
  }
  return said.kind === 'whole' ? 'valid' : said.kind
}

function everySplit(bytes: string): string[][] {
  return Array.from(bytes, (_, cut) => [bytes.slice(0, cut), bytes.slice(cut)])
}

function scan(pieces: readonly string[], { hop, of }: ChunksCase): Scanned {
  const scanner = new ChunkScanner(hop, of === 'request')
  let passes = ''
  let passed = 0
  let content = ''
  for (const piece of pieces) {
    if (piece === '') continue
    const { buf, start, end } = surrounded(piece)
    const after = scanner.scan(buf, start, end, (from, to) => {
      assert.ok(from >= start && to <= end, 'content outside of what was given')
      content += buf.toString('latin1', from, to)
    })
    if (after < 0) return { verdict: 'refused', end: passed, content, passes, why: reasonOf(after) }
    passed += after - start
    passes += buf.toString('latin1', start, scanner.passing) + scanner.tail
    if (scanner.done) return { verdict: 'whole', end: passed, content, passes, why: '' }
    assert.equal(after, end, 'not done, and yet not all was taken')
  }
  return { verdict: 'open', end: passed, content, passes, why: '' }
}
