// The parsers alone: cut at every byte they say the same, and no bytes make them throw or run past their end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answer, parseAnswerHead } from '../../../processor/engine/answer-head.js'
import { ChunkScanner } from '../../../processor/engine/chunked.js'
import { INCOMPLETE } from '../../../processor/engine/fault.js'
import { head, parseRequestHead } from '../../../processor/engine/request-head.js'

const limits = { headBytes: 32 * 1024, headerCount: 100, uriBytes: 16 * 1024 }
const parse = (bytes: Buffer) => parseRequestHead(bytes, 0, bytes.length, limits, false)

const valid = Buffer.from(
  'POST /a/b?c=d HTTP/1.1\r\nHost: example.org:8080\r\nContent-Length: 5\r\nConnection: close, x-drop\r\nX-Drop: 1\r\nX-Keep:  v \r\nVia: 1.1 x\r\n\r\n',
)

test('a head that is cut anywhere is incomplete, and whole it says what it said', () => {
  for (let end = 0; end < valid.length; end++) assert.equal(parse(valid.subarray(0, end)), INCOMPLETE, `cut at ${end}`)
  assert.equal(parse(Buffer.concat([valid, Buffer.from('hello')])), valid.length)
  const { method, target, path, host, contentLength, close, fields, via } = head
  assert.deepEqual(
    { method, target, path, host, contentLength, close, fields, via },
    {
      method: 'POST',
      target: '/a/b?c=d',
      path: '/a/b',
      host: 'example.org:8080',
      contentLength: 5,
      close: true,
      fields: 'X-Keep:  v \r\nVia: 1.1 x\r\nContent-Length: 5\r\n',
      via: '1.1 x',
    },
  )
})

test('an answer that is cut anywhere is incomplete, and whole it says what it said', () => {
  const bytes = Buffer.from(
    'HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\nKeep-Alive: timeout=7, max=3\r\nConnection: keep-alive\r\nX: y\r\n\r\n',
  )
  for (let end = 0; end < bytes.length; end++) assert.equal(parseAnswerHead(bytes, 0, end), INCOMPLETE, `cut at ${end}`)
  assert.equal(parseAnswerHead(bytes, 0, bytes.length), bytes.length)
  const { status, statusText, contentLength, keepAliveMs, close, fields } = answer
  assert.deepEqual(
    { status, statusText, contentLength, keepAliveMs, close, fields },
    {
      status: 404,
      statusText: '404 Not Found',
      contentLength: 12,
      keepAliveMs: 7000,
      close: false,
      fields: 'X: y\r\n',
    },
  )
})

test('a changed byte never makes a parser throw, read past its end or take more than it was given', () => {
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(valid.length), (at, byte, end) => {
      const bytes = Buffer.from(valid)
      bytes[at] = byte
      const result = parse(bytes.subarray(0, end))
      assert.ok(result <= end)
      assert.ok(parseAnswerHead(bytes, 0, end) <= end)
    }),
    { numRuns: 5000 },
  )
})

test('random bytes are refused or incomplete, never a crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const buf = Buffer.from(bytes)
      parse(buf)
      parseAnswerHead(buf, 0, buf.length)
      new ChunkScanner().scan(buf, 0, buf.length)
    }),
    { numRuns: 3000 },
  )
})

const chunk = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constantFrom('', ';a', ';a=b', ';a="b c"'))
  .map(([data, extension]) =>
    Buffer.concat([Buffer.from(`${data.length.toString(16)}${extension}\r\n`), Buffer.from(data), Buffer.from('\r\n')]),
  )
const trailer = fc.constantFrom('\r\n', 'X-T: 1\r\n\r\n', 'X-T: 1\r\nY:\r\n\r\n')

test('chunked framing ends at the same byte however it is cut', () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 5 }), trailer, fc.array(fc.nat(300)), (chunks, last, cuts) => {
      const message = Buffer.concat([...chunks, Buffer.from(`0\r\n${last}`)])
      const bytes = Buffer.concat([message, Buffer.from('GET / HTTP/1.1\r\n')])
      const scanner = new ChunkScanner()
      const ends = [...cuts.map((cut) => cut % bytes.length), bytes.length].sort((a, b) => a - b)
      let pos = 0
      for (const end of ends) {
        if (scanner.done) break
        pos = scanner.scan(bytes, pos, Math.max(end, pos))
        assert.ok(pos >= 0)
      }
      assert.ok(scanner.done)
      assert.equal(pos, message.length)
    }),
    { numRuns: 2000 },
  )
})

test('payload ranges of chunked framing add up to the payload', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 5 }), (parts) => {
      const bytes = Buffer.concat([
        ...parts.flatMap((part) => [
          Buffer.from(`${part.length.toString(16)}\r\n`),
          Buffer.from(part),
          Buffer.from('\r\n'),
        ]),
        Buffer.from('0\r\n\r\n'),
      ])
      const got: Buffer[] = []
      new ChunkScanner().scan(bytes, 0, bytes.length, (start, end) => got.push(bytes.subarray(start, end)))
      assert.deepEqual(Buffer.concat(got), Buffer.concat(parts.map((part) => Buffer.from(part))))
    }),
  )
})
