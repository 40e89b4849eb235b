// A KrakenD config behind `serverpy -c`: what becomes of a backend's data, how it is read, and how answers are written.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JSON_TYPE, PARTIAL, proxy, Said, rows, startKrakend, WHOLE, type Row } from './rig.js'

const DATA = { user: { name: 'Ann', mail: 'a@x', address: { city: 'Rome', zip: 1 } }, id: 7, tags: ['x', 'y'] }

const shaped = (name: string, backend: object, body: string, says: unknown = DATA): Row => ({
  name,
  endpoint: { endpoint: '/a', backend: [{ url_pattern: '/1', ...backend }] },
  says: { '/1': says },
  status: 200,
  body,
})

const flatmap = (...steps: [string, ...string[]][]): object => ({
  extra_config: proxy({ flatmap_filter: steps.map(([type, ...args]) => ({ type, args })) }),
})

rows([
  shaped('target takes what is inside of a field', { target: 'user.address' }, '{"city":"Rome","zip":1}'),
  shaped('a target that is not there leaves nothing', { target: 'data' }, '{}'),
  shaped(
    'allow keeps what it names, inside of objects, too',
    { allow: ['id', 'user.address.zip', 'none'] },
    '{"id":7,"user":{"address":{"zip":1}}}',
  ),
  shaped(
    'deny takes away what it names, inside of objects, too',
    { deny: ['tags', 'user.address'] },
    '{"id":7,"user":{"mail":"a@x","name":"Ann"}}',
  ),
  shaped('allow stands above deny', { allow: ['id'], deny: ['id'] }, '{"id":7}'),
  shaped(
    'mapping gives fields at the top another name',
    { allow: ['id', 'tags'], mapping: { id: 'key' } },
    '{"key":7,"tags":["x","y"]}',
  ),
  shaped('group puts all under one name', { allow: ['id'], group: 'g' }, '{"g":{"id":7}}'),
  shaped(
    'target comes before allow, allow before mapping, mapping before group',
    { target: 'user', allow: ['name', 'mail'], mapping: { name: 'called' }, group: 'g' },
    '{"g":{"called":"Ann","mail":"a@x"}}',
  ),
  shaped('a list becomes the field collection', { is_collection: true }, '{"collection":[{"a":1},2]}', [{ a: 1 }, 2]),
  shaped(
    'mapping gives a collection another name',
    { is_collection: true, mapping: { collection: 'all' } },
    '{"all":[1]}',
    [1],
  ),
  ...[
    { name: 'an object where is_collection expects a list is a failure', backend: { is_collection: true }, says: {} },
    { name: 'a list where an object is expected is a failure', backend: {}, says: [1] },
    { name: 'what is no JSON is a failure', backend: {}, says: new Said(200, 'no JSON') },
  ].map(({ name, backend, says }): Row => ({ ...shaped(name, backend, '', says), status: 500, fields: PARTIAL })),
  shaped(
    'flatmap moves',
    flatmap(['move', 'user.address.city', 'town']),
    '{"id":7,"tags":["x","y"],"town":"Rome","user":{"address":{"zip":1},"mail":"a@x","name":"Ann"}}',
  ),
  shaped('flatmap deletes', flatmap(['del', 'user'], ['del', 'tags']), '{"id":7}'),
  shaped(
    'flatmap deletes all that one step names',
    flatmap(['del', 'user.address', 'user.mail', 'tags']),
    '{"id":7,"user":{"name":"Ann"}}',
  ),
  shaped('flatmap appends', flatmap(['append', 'a', 'b']), '{"b":[3,1,2]}', { a: [1, 2], b: [3] }),
  shaped(
    'flatmap takes any element where a * stands',
    {
      is_collection: true,
      ...flatmap(['move', 'collection', 'all'], ['del', 'all.*.i'], ['move', 'all.*.p', 'all.*.q']),
    },
    '{"all":[{"q":"x"},{"q":"y"}]}',
    [
      { i: 1, p: 'x' },
      { i: 2, p: 'y' },
    ],
  ),
  shaped(
    'flatmap stands in the place of allow, deny and mapping',
    { allow: ['id'], ...flatmap(['del', 'user'], ['del', 'id']) },
    '{"tags":["x","y"]}',
  ),
  shaped('safejson makes a collection of a list', { encoding: 'safejson' }, '{"collection":[1]}', [1]),
  shaped('safejson makes content of a single value', { encoding: 'safejson' }, '{"content":42}', 42),
  shaped('safejson leaves an object as it is', { encoding: 'safejson' }, '{"a":1}', { a: 1 }),
  shaped(
    'string makes content of a text',
    { encoding: 'string' },
    '{"content":"plain words"}',
    new Said(200, 'plain words'),
  ),
  shaped(
    'xml gives attributes with a dash and text beside them as #text',
    { encoding: 'xml' },
    '{"user":{"-type":"admin","name":{"#text":"Ann","-lang":"it"},"tag":["a","b"]}}',
    new Said(200, '<?xml version="1.0"?><user type="admin"><name lang="it">Ann</name><tag>a</tag><tag>b</tag></user>'),
  ),
])

test('rss makes fields and items of a feed', async (t) => {
  const feed =
    '<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><link>http://x</link><description>d</description>' +
    '<item><title>One</title><link>http://x/1</link></item></channel></rss>'
  const backend = [{ url_pattern: '/1', encoding: 'rss', allow: ['title', 'items'] }]
  const { ask } = await startKrakend(t, [{ endpoint: '/a', backend }], { '/1': new Said(200, feed) })
  const data = (await ask('/a')).json() as { title: string; items: { title: string }[] }
  assert.equal(data.title, 'News')
  assert.deepEqual(
    data.items.map(({ title }) => title),
    ['One'],
  )
})

const LIST = [{ a: 1 }, { a: 2 }]
const XML = '<user type="admin"><name>Ann</name></user>'

const written = (output: string, backend: object, says: unknown, body: string, type: string, accept?: string): Row => ({
  name: `${output} ${accept === undefined ? '' : `for ${accept} `}writes ${type}`,
  endpoint: { endpoint: '/a', output_encoding: output, backend: [{ url_pattern: '/1', ...backend }] },
  says: { '/1': says },
  ...(accept !== undefined && { asked: { fields: { Accept: accept } } }),
  status: 200,
  body,
  fields: { ...WHOLE, 'Content-Type': type },
})

rows([
  written('json', {}, { a: 1 }, '{"a":1}', JSON_TYPE),
  written('json-collection', { is_collection: true }, LIST, '[{"a":1},{"a":2}]', JSON_TYPE),
  written('string', { encoding: 'string' }, new Said(200, 'plain words'), 'plain words', 'text/plain; charset=utf-8'),
  written('xml', { encoding: 'xml' }, new Said(200, XML), XML, 'application/xml'),
  written('xml', {}, { b: 1, a: 'x' }, '<doc><a>x</a><b>1</b></doc>', 'application/xml'),
  written('yaml', {}, { b: [1, 'x'], a: true }, 'a: true\nb:\n- 1\n- x\n', 'application/x-yaml; charset=utf-8'),
  written('negotiate', {}, { a: 1 }, '{"a":1}', JSON_TYPE),
  written('negotiate', {}, { a: 1 }, '{"a":1}', JSON_TYPE, 'application/json; charset=utf-8'),
  written('negotiate', { encoding: 'xml' }, new Said(200, XML), XML, 'application/xml', 'application/xml'),
  written('negotiate', {}, { a: 1 }, 'a: 1\n', 'application/x-yaml; charset=utf-8', 'text/plain'),
])

test('no-op passes status, fields and body on as they are', async (t) => {
  const backend = [{ url_pattern: '/1', encoding: 'no-op' }]
  const { ask, origin } = await startKrakend(
    t,
    [{ endpoint: '/a', output_encoding: 'no-op', cache_ttl: '1m', method: 'POST', backend }],
    {
      '/1': (asked: { send(bytes: string): void }) =>
        asked.send(
          'HTTP/1.1 418 Teapot\r\nContent-Type: text/odd\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n\r\n<&é>'.replace(
            'é',
            'Ã©',
          ),
        ),
    },
  )
  const answer = await ask('/a', { method: 'POST', body: 'sent' })
  assert.deepEqual([answer.status, answer.text(), answer.field('Content-Type')], [418, '<&é>', 'text/odd'])
  assert.deepEqual(
    answer.fields.filter(([name]) => /^set-cookie$/i.test(name)).map(([, value]) => value),
    ['a=1', 'b=2'],
  )
  assert.equal(answer.field('Cache-Control'), undefined)
  assert.equal((await origin.requests[0]?.body())?.toString(), 'sent')
})

for (const [name, endpoint, top] of [
  ['an endpoint', { output_encoding: 'no-op' }, {}],
  ['the service', {}, { output_encoding: 'no-op' }],
] as const) {
  test(`where ${name} says no-op its backend is not read, whatever that says of its encoding`, async (t) => {
    const backend = [{ url_pattern: '/1', encoding: 'json', group: 'g' }]
    const says = { '/1': new Said(202, 'no JSON') }
    const { ask } = await startKrakend(t, [{ endpoint: '/a', backend, ...endpoint }], says, top)
    const answer = await ask('/a')
    assert.deepEqual([answer.status, answer.text()], [202, 'no JSON'])
  })
}

test('no-op is for one backend only', async (t) => {
  const backend = [{ url_pattern: '/1' }, { url_pattern: '/2' }]
  await assert.rejects(
    startKrakend(t, [{ endpoint: '/a', output_encoding: 'no-op', backend }]),
    /"no-op" passes on one answer/,
  )
})
