// The pipe `validate` over real sockets: which bodies pass, and what the others are told.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAnswer, rawRequest, request } from '../../kit/http.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

const ORDER = {
  type: 'object',
  required: ['id', 'items'],
  additionalProperties: false,
  properties: {
    id: { type: 'integer', minimum: 1 },
    mail: { type: 'string', format: 'email' },
    items: { type: 'array', items: { type: 'string', maxLength: 5 } },
  },
}

async function startValidating(t: Cleanup, options: Record<string, unknown> = {}) {
  const { port, origin } = await startPiped(t, {}, [{ use: 'validate', schema: ORDER, ...options }])
  const post = async (body: string | Buffer, type = 'application/json', more: Record<string, string> = {}) => {
    const fields = { ...(type !== '' && { 'Content-Type': type }), ...more }
    const answer = await request(port, 'POST', '/', { body, fields })
    if (answer.status === 200) return { status: 200, detail: '', errors: [] }
    const { detail, errors = [] } = answer.json() as { detail: string; errors?: { at: string; message: string }[] }
    return { status: answer.status, detail, errors }
  }
  return { post, origin, port }
}

test('a body that fits passes unchanged', async (t) => {
  const { post, origin } = await startValidating(t)
  const body = '{ "id": 1,\n "items": ["a"], "mail": "a@b.example" }'
  assert.equal((await post(body)).status, 200)
  assert.equal((await post(body, 'application/vnd.shop+json; charset=utf-8')).status, 200)
  assert.equal((await origin.requests[0]?.body())?.toString(), body)
})

test('a body that does not fit gets 400 with what does not, and no instance hears of it', async (t) => {
  const { post, origin } = await startValidating(t)
  const { status, detail, errors } = await post('{"id":0,"items":["a",7,"toolong"],"mail":"x","more":1}')
  assert.deepEqual([status, detail], [400, 'the body does not fit its schema'])
  assert.deepEqual(errors.map(({ at }) => at).sort(), ['', '/id', '/items/1', '/items/2', '/mail'])
  assert.equal(origin.requests.length, 0)
})

test('what is no JSON, has no type, another type or a coding is refused', async (t) => {
  const { post } = await startValidating(t)
  assert.equal((await post('{')).detail, 'the body is not JSON')
  assert.equal((await post(Buffer.from([0x22, 0xff, 0x22]))).detail, 'the body is not JSON')
  assert.equal((await post('{}', '')).detail, 'the content type of the body is not expected here')
  assert.equal((await post('{}', 'text/plain')).detail, 'the content type of the body is not expected here')
  const coded = await post('{}', 'application/json', { 'Content-Encoding': 'gzip' })
  assert.equal(coded.detail, 'an encoded body cannot be checked')
  assert.equal((await post('')).detail, 'a body is required')
})

test('a body of another type passes where the config says so, and so does none', async (t) => {
  const { post, port } = await startValidating(t, { other_types: 'pass', required: false, status: 422 })
  assert.equal((await post('hello', 'text/plain')).status, 200)
  assert.equal((await request(port, 'GET', '/')).status, 200)
  assert.equal((await post('{}')).status, 422)
})

test('nobody gets a body past its schema that an instance might read in another way', async (t) => {
  const schema = { type: 'object', properties: { role: { enum: ['user'] } } }
  const { post, port, origin } = await startValidating(t, { schema, other_types: 'pass' })
  for (const body of [
    '{"role":"admin","role":"user"}',
    '{"r\\u006fle":"admin","role":"user"}',
    '[{"a":{"b":":\\"","c":1,"b":2}}]',
    '{"__proto__":1,"__proto__":2}',
  ])
    assert.equal((await post(body)).detail, 'an object of the body has two members of one name', body)
  for (const body of ['{"role":"user","a":"\\":{","b":[{"a":1},{"a":2}],"__proto__":{"a":null},"":":"}'])
    assert.equal((await post(body)).status, 200, body)
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16\r\n'
  for (const lines of [
    'Content-Type: text/plain\r\nContent-Type: application/json\r\n',
    'Content-Type: text/plain; a=b\r\ncontent-type: application/json\r\n',
    'Content-Type: text/plain, application/json\r\n',
    'Content-Type: json\r\n',
  ])
    assert.equal(parseAnswer(await rawRequest(port, `${head}${lines}\r\n{"role":"admin"}`)).status, 400, lines)
  assert.equal(origin.requests.length, 1)
})

test('the list of failures is bounded, for a long body most of all', async (t) => {
  const { post } = await startValidating(t, { failures: 3 })
  const items = Array.from({ length: 50 }, () => 1)
  assert.equal((await post(JSON.stringify({ id: 1, items }))).errors.length, 3)
  const many = Array.from({ length: 100_000 }, () => 1)
  assert.equal((await post(JSON.stringify({ id: 1, items: many }))).errors.length, 1)
})

test('a body that is longer than can be held is refused with 413', async (t) => {
  const { port, origin } = await startValidating(t, { body: '1KiB' })
  const body = JSON.stringify({ id: 1, items: Array.from({ length: 1000 }, () => 'a') })
  const answer = await request(port, 'POST', '/', { body, fields: { 'Content-Type': 'application/json' } })
  assert.equal(answer.status, 413)
  assert.equal(origin.requests.length, 0)
})

test('a body that is nested without end under a schema that refers to itself is refused', async (t) => {
  const schema = { type: 'array', items: { $ref: '#' } }
  const { post } = await startValidating(t, { schema, body: '4MiB' })
  assert.equal((await post('[[[]]]')).status, 200)
  const deep = await post('['.repeat(200_000) + ']'.repeat(200_000))
  assert.equal(deep.status, 400)
})

test('a short body does not keep a schema busy that refers to itself from several places', async (t) => {
  // Each level of a body is looked at twice for each time that the one above it is.
  const expr = { $ref: '#/$defs/expr' }
  const node = (op: string) => ({ type: 'object', required: ['op'], properties: { left: expr, op: { const: op } } })
  const schema = { $defs: { expr: { oneOf: [{ type: 'number' }, node('add'), node('mul')] } }, $ref: '#/$defs/expr' }
  const { post } = await startValidating(t, { schema })
  const nested = (levels: number, end: string) => '{"op":"add","left":'.repeat(levels) + end + '}'.repeat(levels)
  assert.equal((await post(nested(5, '1'))).status, 200)
  const { status, detail } = await post(nested(60, '1'))
  assert.deepEqual([status, detail], [400, 'the body takes too long to be checked'])
  // What one failure is, is known at once; what all of them are is not.
  const first = (op: string) => ({ type: 'object', required: ['op'], properties: { op: { const: op }, left: expr } })
  const early = { ...schema, $defs: { expr: { oneOf: [{ type: 'number' }, first('add'), first('mul')] } } }
  const { post: postEarly } = await startValidating(t, { schema: early })
  assert.equal((await postEarly(nested(60, '1'))).status, 200)
  const failed = await postEarly(nested(60, '"bad"'))
  assert.equal(failed.detail, 'the body does not fit its schema')
  assert.ok(failed.errors.length > 0)
  // A long list of what is referred to is no such thing.
  const list = {
    type: 'array',
    items: { $ref: '#/$defs/id' },
    $defs: { id: { $ref: '#/$defs/n' }, n: { type: 'integer' } },
  }
  const { post: postList } = await startValidating(t, { schema: list })
  assert.equal((await postList(`[${'1,'.repeat(300_000)}1]`)).status, 200)
})

test('lists in lists are not written out once for each level', async (t) => {
  const list = { type: 'array', uniqueItems: true, items: { $ref: '#/$defs/any' } }
  const schema = { $defs: { any: { anyOf: [{ type: 'number' }, list] } }, $ref: '#/$defs/any' }
  const { post } = await startValidating(t, { schema })
  const inner = `[${Array.from({ length: 100_000 }, (_, i) => i).join()}]`
  const nested = (levels: number) => '[[],'.repeat(levels) + inner + ']'.repeat(levels)
  assert.equal((await post(nested(2))).status, 200)
  const { status, detail } = await post(nested(800))
  assert.deepEqual([status, detail], [400, 'the body takes too long to be checked'])
})

test('no body of a client takes the square of its length', async (t) => {
  const schema = {
    type: 'array',
    uniqueItems: true,
    items: { anyOf: [{ type: ['number', 'object'] }, { format: 'url' }] },
  }
  const { post } = await startValidating(t, { schema })
  const many = (last: unknown): string => JSON.stringify([...Array.from({ length: 80_000 }, (_, i) => i), last])
  assert.equal((await post(many(80_000))).status, 200)
  const { status, errors } = await post(many(7))
  assert.deepEqual([status, errors], [400, [{ at: '', message: 'must NOT have duplicate items' }]])
  assert.equal((await post('[{"a":1,"b":[2]},{"b":[2],"a":1}]')).status, 400)
  assert.equal((await post('[{"a":1},{"a":"1"},{"a":[1]},"https://shop.example/x"]')).status, 200)
  assert.equal((await post(JSON.stringify(['http://a:a@'.repeat(40_000)]))).status, 400)
})

test('the schema may be of draft 07, and may stand in a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-schema-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'order.json')
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    definitions: { n: { type: 'number' } },
    $ref: '#/definitions/n',
  }
  await writeFile(file, JSON.stringify(schema))
  const { port } = await startPiped(t, {}, [{ use: 'validate', schema_file: file }])
  const fields = { 'Content-Type': 'application/json' }
  assert.equal((await request(port, 'POST', '/', { body: '7', fields })).status, 200)
  assert.equal((await request(port, 'POST', '/', { body: '"7"', fields })).status, 400)
})

test('no text of a client keeps a pattern of a schema busy, or gets past one', async (t) => {
  const slow = { type: 'string', pattern: '^(a+)+$' }
  const properties = { is: slow, not: { not: { pattern: '^(?:b{400}|a)+$' } } }
  const schema = { type: 'object', properties, patternProperties: { '^(k|k)*$': { type: 'number' } } }
  const { post } = await startValidating(t, { schema })
  const text = 'a'.repeat(50_000)
  assert.equal((await post(JSON.stringify({ is: text, kk: 1 }))).status, 200)
  const { errors } = await post(JSON.stringify({ is: `${text}!` }))
  assert.deepEqual(errors, [{ at: '/is', message: 'must match pattern "^(a+)+$"' }])
  assert.equal((await post(JSON.stringify({ [`${'k'.repeat(50_000)}`]: 'x' }))).status, 400)
  const { status, detail } = await post(JSON.stringify({ not: text }))
  assert.deepEqual([status, detail], [400, 'the body has a text that is too long for its pattern'])
})

test('a pattern of a schema that could take for ever is told of', () => {
  const warned = (schema: object) => saidOf({ use: 'validate', schema }).warnings.join()
  assert.match(
    warned({ properties: { a: { type: 'string', pattern: '^(\\p{L}+)+$' } } }),
    /\.schema {2}.*"\^\(.*\)\+\$" could take very long/,
  )
  assert.match(warned({ type: 'object', patternProperties: { '^(\\bx|y)*$': {} } }), /could take very long/)
  assert.equal(warned({ properties: { a: { type: 'string', pattern: '^(a+)+$' } } }), '')
  assert.equal(warned({ properties: { a: { pattern: '^[A-Z]{2}(?=\\d)' }, pattern: { type: 'string' } } }), '')
})

test('a schema that is none is a fault of the config, at its place', () => {
  const faults = (options: object) => saidOf({ use: 'validate', ...options }).faults.join()
  assert.match(faults({ schema: { type: 'objekt' } }), /^test\.json:6:\d+ {2}.*\.schema {2}not a JSON Schema: .*type/)
  assert.match(faults({ schema: { tpye: 'object' } }), /unknown keyword: "tpye"/)
  assert.match(faults({ schema: { $ref: 'https://example.org/x.json' } }), /can't resolve reference/)
  assert.match(faults({ schema: 'x' }), /a JSON Schema is an object/)
  assert.match(faults({ schema_file: 'nowhere.json' }), /there is no such file/)
  assert.match(faults({}), /needs "schema" or "schema_file"/)
})
