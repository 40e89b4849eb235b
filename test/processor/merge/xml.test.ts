// XML and feeds come in as fields, and fields go out as XML and YAML; no document can do more than be wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { Budget, Unreadable } from '../../../processor/handlers/merge/budget.js'
import { decode } from '../../../processor/handlers/merge/encoding/decode.js'
import { readJson } from '../../../processor/handlers/merge/encoding/json.js'
import { decodeXml } from '../../../processor/handlers/merge/encoding/xml.js'
import { writeJson } from '../../../processor/handlers/merge/render/json.js'
import { writeXml } from '../../../processor/handlers/merge/render/xml.js'
import { writeYaml } from '../../../processor/handlers/merge/render/yaml.js'
import { type Fields, toFields, type Value } from '../../../processor/handlers/merge/value.js'

const read = (text: string) => writeJson(decodeXml(text, new Budget()))
const fields = (text: string) => readJson(text) as Fields
const decoded = (
  encoding: 'xml' | 'rss' | 'string' | 'safejson' | 'json',
  body: string | Buffer,
  isCollection = false,
) => writeJson(decode({ encoding, isCollection }, Buffer.from(body), new Budget()))

const USER = '<user type="admin"><name>Ada</name><social><a>https://a.example</a><b>x</b></social></user>'

test('attributes become -name, text beside them #text, and elements of one name a list', () => {
  assert.equal(read(USER), '{"user":{"-type":"admin","name":"Ada","social":{"a":"https://a.example","b":"x"}}}')
  assert.equal(read('<a x="1">text</a>'), '{"a":{"#text":"text","-x":"1"}}')
  assert.equal(read('<a><b>1</b><c/><b>2</b><b q="3"/></a>'), '{"a":{"b":["1","2",{"-q":"3"}],"c":""}}')
  assert.equal(read('<a>\n  <b> 1 </b>\n</a>\n'), '{"a":{"b":"1"}}')
})

test('prefixes are left out, CDATA is text, comments, declarations and a DOCTYPE say nothing', () => {
  const text =
    '<?xml version="1.0"?><!DOCTYPE a [<!ELEMENT a ANY>]><!-- <x> --><n:a xmlns:n="u"><![CDATA[<b>&amp;]]></n:a>'
  assert.equal(read(text), '{"a":{"#text":"\\u003cb\\u003e\\u0026amp;","-n":"u"}}')
})

test('the entities of XML itself are resolved, and any other makes the answer unreadable', () => {
  assert.equal(
    read('<a b="&quot;&#65;">&lt;&gt;&amp;&apos;&#x1F600;</a>'),
    '{"a":{"#text":"\\u003c\\u003e\\u0026\'😀","-b":"\\"A"}}',
  )
  for (const entity of ['&nbsp;', '&#0;', '&#xD800;', '&#x110000;', '&', '&lt', '&;', '&toString;', '&constructor;'])
    assert.throws(() => read(`<a>${entity}</a>`), Unreadable, entity)
})

test('entities that a document declares are never expanded', () => {
  const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('')
  assert.throws(() => read(`<!DOCTYPE l [<!ENTITY l0 "lol">${laughs}]><l>&l9;</l>`), /entity/)
  assert.throws(() => read('<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'), /entity/)
})

test('what is no XML is told, and so is what is nested too deeply', () => {
  for (const text of [
    '',
    'x',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a b=1/>',
    '<a b="<"/>',
    '</a>',
    '<a/>x',
    '<1/>',
    '<a',
    '<!-- <a/>',
  ])
    assert.throws(() => read(text), Unreadable, text)
  assert.throws(() => read('<a>'.repeat(300)), /deeper/)
  assert.equal(read(`${'<a>'.repeat(256)}${'</a>'.repeat(256)}`).length > 256, true)
})

test('XML in another encoding is read by what it declares', () => {
  const latin = Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>caf\xe9</a>', 'latin1')
  assert.equal(decoded('xml', latin), '{"a":"café"}')
  assert.equal(decoded('xml', '\ufeff<a>é</a>'), '{"a":"é"}')
  assert.throws(() => decoded('xml', '<?xml version="1.0" encoding="x-nobody"?><a/>'), Unreadable)
})

test('a collection of XML is its root in one field', () => {
  assert.equal(decoded('xml', '<a><b/></a>', true), '{"collection":{"a":{"b":""}}}')
})

test('a list becomes a collection where it is expected, and is refused where it is not', () => {
  assert.equal(decoded('json', '[1]', true), '{"collection":[1]}')
  assert.throws(() => decoded('json', '[1]'), /no object/)
  assert.throws(() => decoded('json', '{}', true), /no list/)
  assert.equal(decoded('safejson', '[1]'), '{"collection":[1]}')
  assert.equal(decoded('safejson', '"x"'), '{"content":"x"}')
  assert.equal(decoded('safejson', '{"a":1}'), '{"a":1}')
  assert.equal(decoded('string', 'a<b'), '{"content":"a\\u003cb"}')
  assert.equal(decoded('json', 'null'), '{}')
})

test('XML that was read is written as it was', () => {
  assert.equal(writeXml(decodeXml(USER, new Budget())), USER)
  const lists = '<r><b>1</b><b q="3">x</b><c/></r>'
  assert.equal(writeXml(decodeXml(lists, new Budget())), lists)
})

test('data with several names, or a list at the top, stand in one element', () => {
  assert.equal(
    writeXml(fields('{"foo":42,"h":{"E":["gzip","br"]},"q":{},"n":null,"t":true,"big":12345678901234567890}')),
    '<doc><big>12345678901234567890</big><foo>42</foo><h><E>gzip</E><E>br</E></h><n/><q/><t>true</t></doc>',
  )
  assert.equal(writeXml(fields('{"a":[1,2]}')), '<doc><a>1</a><a>2</a></doc>')
  assert.equal(writeXml(fields('{}')), '<doc/>')
})

test('no name and no value becomes markup', () => {
  assert.equal(writeXml(fields('{"a><b":"<&\\"\'\\u0001"}')), '<a__b>&lt;&amp;&quot;&apos;\ufffd</a__b>')
  assert.equal(
    writeXml(fields('{"1 a":1,"":2,"-x y":"\\"<","b":3}')),
    '<doc x_y="&quot;&lt;"><_>2</_><_1_a>1</_1_a><b>3</b></doc>',
  )
})

test('whatever data there are, their XML can be read', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
      decodeXml(writeXml(toFields(data)), new Budget())
    }),
    { numRuns: 300 },
  )
})

test('no text makes the reader of XML throw anything but that it cannot be read', () => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '/',
    '<a',
    '<a>',
    '</a>',
    ' b="',
    '"',
    '&',
    ';',
    '<!',
    '[',
    ']',
    '<?',
    '?>',
    '-->',
    '<![CDATA[',
    'x',
    '\u0000',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        read(pieces.join(''))
      } catch (error) {
        assert.ok(error instanceof Unreadable)
      }
    }),
    { numRuns: 1000 },
  )
})

test('YAML is in blocks, plain where nothing can be misread, with names in order', () => {
  assert.equal(
    writeYaml(
      fields(
        '{"user":{"-type":"admin","name":"Ada","url":"https://a.example"},"list":[1,{"b":[2],"a":null},[true,[]]],"e":{}}',
      ),
    ),
    'e: {}\nlist:\n- 1\n- a: null\n  b:\n  - 2\n- - true\n  - []\nuser:\n  -type: admin\n  name: Ada\n  url: https://a.example\n',
  )
  assert.equal(
    writeYaml(fields('{"a":"no","b":"1","c":"a: b","d":"","e":"x #y","f":"- z","n":12345678901234567890}')),
    'a: "no"\nb: "1"\nc: "a: b"\nd: ""\ne: "x #y"\nf: "- z"\n"n": 12345678901234567890\n',
  )
  assert.equal(writeYaml(fields('{}')), '{}\n')
})

test('whatever data there are, their YAML says the same', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false })), (data) => {
      const plain: unknown = JSON.parse(JSON.stringify(data))
      assert.deepEqual(JSON.parse(JSON.stringify(parse(writeYaml(toFields(data))))), plain)
    }),
    { numRuns: 500 },
  )
})

test('what would be written without end is given up: a long name in a long list, deep lines', () => {
  const list: Value[] = new Array<Value>(100_000).fill(1)
  assert.throws(() => writeXml(new Map([['x'.repeat(100_000), list]])), Unreadable)
  let deep: Value = list
  for (let i = 0; i < 4000; i++) deep = new Map([['a', deep]])
  assert.throws(() => writeYaml(deep as Fields), Unreadable)
  assert.throws(() => writeJson(new Array<Value>(1000).fill('<'.repeat(100_000))), Unreadable)
})

test(
  'lists within lists cost no copy of themselves for each level, nor many wrong entities a look at each',
  { timeout: 10_000 },
  () => {
    const levels = 240
    let nested: Value = new Array<Value>(200_000).fill(1)
    for (let i = 0; i < levels; i++) nested = [nested]
    const written = writeYaml(new Map([['a', nested]]))
    assert.ok(written.startsWith(`a:\n${'- '.repeat(levels)}- 1\n${'  '.repeat(levels)}- 1\n`))
    assert.throws(() => read(`<a>${'&'.repeat(10_000_000)}</a>`), Unreadable)
  },
)

const RSS = `<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:itunes="i"><channel>
<itunes:title>no</itunes:title><title>News</title><link>https://n.example</link><description>All</description>
<language>en</language><pubDate>Tue, 10 Jun 2003 04:00:00 GMT</pubDate><category>a</category>
<image><url>https://n.example/i.png</url><title>x</title></image>
<item><title>One</title><link>https://n.example/1</link><author>ann@n.example (Ann)</author><guid>1</guid>
<pubDate>Tue, 03 Jun 2003 09:39:21 GMT</pubDate><enclosure url="u" length="7" type="audio/mpeg"/></item>
<item><title>Two</title><dc:creator>Bob</dc:creator></item></channel></rss>`

test('a feed of RSS comes out with its titles, dates, people and items', () => {
  assert.deepEqual(JSON.parse(decoded('rss', RSS)), {
    title: 'News',
    description: 'All',
    language: 'en',
    copyright: '',
    type: 'rss',
    custom: null,
    author: null,
    categories: ['a'],
    published: 'Tue, 10 Jun 2003 04:00:00 GMT',
    updated: '',
    img_url: 'https://n.example/i.png',
    items: [
      {
        title: 'One',
        link: 'https://n.example/1',
        links: ['https://n.example/1'],
        guid: '1',
        author: { name: 'Ann', email: 'ann@n.example' },
        authors: [{ name: 'Ann', email: 'ann@n.example' }],
        published: 'Tue, 03 Jun 2003 09:39:21 GMT',
        publishedParsed: '2003-06-03T09:39:21Z',
        enclosures: [{ url: 'u', length: '7', type: 'audio/mpeg' }],
      },
      { title: 'Two', author: { name: 'Bob' }, authors: [{ name: 'Bob' }] },
    ],
  })
})

test('a feed of Atom comes out with the same names', () => {
  const atom = `<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>T</title><subtitle>S</subtitle>
  <updated>2003-12-13T18:30:02Z</updated><author><name>J</name><email>j@x</email></author><entry><title>E</title>
  <link rel="self" href="no"/><link href="https://x/1"/><id>urn:1</id><summary>s</summary><category term="c"/></entry></feed>`
  const found = JSON.parse(decoded('rss', atom)) as Record<string, unknown>
  assert.equal(found['type'], 'atom')
  assert.equal(found['language'], 'de')
  assert.deepEqual(found['author'], { name: 'J', email: 'j@x' })
  assert.deepEqual(found['items'], [
    { title: 'E', description: 's', link: 'https://x/1', links: ['https://x/1'], guid: 'urn:1', categories: ['c'] },
  ])
})

test('what is neither is told', () => {
  assert.throws(() => decoded('rss', '<html/>'), /neither/)
})
