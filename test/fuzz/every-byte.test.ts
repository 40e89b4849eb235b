// What chance reaches late: each byte of a few messages replaced by each other byte, with what follows it and without.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnswersCase, type Case, type ChunksCase, LIMITS, type RequestsCase } from './cases.js'
import { answerHeads } from './properties/answer-heads.js'
import { chunkedBodies } from './properties/chunked-bodies.js'
import { pipelines } from './properties/pipelines.js'
import { type Property, withCheck } from './properties/property.js'

function request(bytes: string, cuts: readonly number[]): RequestsCase {
  return { kind: 'requests', bytes, cuts, ...LIMITS, trusted: false, leaves: 'answered', gateway: 'handles' }
}

function answer(bytes: string, cuts: readonly number[]): AnswersCase {
  const asked = { method: 'GET', minor: 1, expects: false, asks: false }
  return { kind: 'answers', bytes, cuts, ...asked, gateway: 'handles', end: 'fin' }
}

function chunks(bytes: string, cuts: readonly number[]): ChunksCase {
  return { kind: 'chunks', bytes, cuts, of: 'request', hop: 'x-h' }
}

async function replaceEach<C extends Case>(
  property: Property<C>,
  caseOf: (bytes: string, cuts: readonly number[]) => C,
  messages: readonly string[],
): Promise<void> {
  const counts = { valid: 0, open: 0, refused: 0 }
  await withCheck(property, async (check) => {
    for (const message of messages) {
      for (let place = 0; place < message.length; place++) {
        for (let byte = 0; byte < 256; byte++) {
          const start = message.slice(0, place) + String.fromCharCode(byte)
          for (const bytes of [start, start + message.slice(place + 1)]) {
            try {
              counts[await check(caseOf(bytes, [place]))]++
            } catch (error) {
              throw new Error(`${JSON.stringify(bytes)}: ${String(error)}`, { cause: error })
            }
          }
        }
      }
    }
  })
  for (const count of Object.values(counts)) assert.ok(count > 0, JSON.stringify(counts))
}

test('every byte in every place of a request is taken as the reference takes it', () =>
  replaceEach(pipelines, request, [
    'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
    '\r\nPOST http://[::1]:8/p?q HTTP/1.1\r\nHost:h\r\nContent-Length: 1\r\nConnection: x\r\n\r\na',
    'PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: h:80 \r\n\r\n1;a="b"\r\na\r\n0\r\nX: y\r\n\r\n',
    'OPTIONS * HTTP/1.0\r\nMax-Forwards: 1\r\nExpect: 100-continue\r\nTE: trailers\r\nConnection: te\r\n\r\n',
  ]))

test('every byte in every place of an answer is taken as the reference takes it', () =>
  replaceEach(answerHeads, answer, [
    'HTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 103\r\nA: b\r\n\r\nHTTP/1.0 404 \r\nConnection: close, x\r\nX: y\r\n\r\n',
    'HTTP/1.1 200 a\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n',
    'HTTP/1.1 101 S\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n',
  ]))

test('every byte in every place of a chunked body is taken as the reference takes it', () =>
  replaceEach(chunkedBodies, chunks, [
    '1\r\na\r\n0\r\n\r\n',
    '0A;b=c; d="\\"\t"\r\n0123456789\r\n00\r\nX-H: 1\r\nY:\r\n\r\n',
  ]))
