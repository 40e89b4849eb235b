// Transfer-Encoding in every disguise, alone and beside a Content-Length: who does not recognise it reads the chunks, or what
// is hidden in the body, as the next request.
import type { Expectation, HostileCase } from '../case.js'
import { arrival, CHUNKED, hostile, post, refused, request, SMUGGLED, spelt, TARGET } from '../write.js'

const BODY = '5\r\nhello\r\n0\r\n\r\n'
/** For who reads chunks the body ends at once, and a request follows. */
const HIDES = `0\r\n\r\n${SMUGGLED}`

// Field lines that say "chunked" by the grammar: fine alone, never beside a length.
const LEGAL = [
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:chunked\r\n',
  'Transfer-Encoding:  chunked  \r\n',
  'Transfer-Encoding:\tchunked\r\n',
  'Transfer-Encoding: chunked\t\r\n',
  'Transfer-Encoding: \t chunked \t \r\n',
  'transfer-encoding: chunked\r\n',
  'TRANSFER-ENCODING: chunked\r\n',
  'tRaNsFeR-eNcOdInG: chunked\r\n',
  'Transfer-Encoding: Chunked\r\n',
  'Transfer-Encoding: CHUNKED\r\n',
  'Transfer-Encoding: cHuNkEd\r\n',
] as const

// Empty members of a list are nothing; a gateway may still refuse them, and may not pass them on as they are.
const EMPTY_MEMBERS = [
  'Transfer-Encoding: chunked,\r\n',
  'Transfer-Encoding: ,chunked\r\n',
  'Transfer-Encoding: , chunked\r\n',
  'Transfer-Encoding: chunked, ,\r\n',
  'Transfer-Encoding: , , chunked ,\r\n',
  'Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n',
] as const

const VALUES = [
  ...[
    '',
    ' ',
    ' identity',
    ' xchunked',
    ' chunkedx',
    ' chunke',
    ' chunk',
    ' x chunked',
    ' chunked x',
    ' chunked chunked',
    ' chun ked',
  ],
  ...[
    ' chunked, identity',
    ' identity, chunked',
    ' chunked, chunked',
    ' chunked,chunked',
    ' chunked,x',
    ' x, chunked',
    ' null',
    ' cow',
  ],
  ...[
    ' gzip',
    ' gzip, chunked',
    ' chunked, gzip',
    ' deflate, chunked',
    ' compress',
    ' trailers, chunked',
    ' x-gzip',
    ' br, chunked',
  ],
  ...[
    ' chunked;',
    ' chunked;q=1',
    ' chunked ; a=b',
    ' chunked;a="b"',
    ' ;chunked',
    ' chunked=1',
    ' =chunked',
    ' chunked:',
    ' :chunked',
  ],
  ...[
    ' "chunked"',
    " 'chunked'",
    ' chunked"',
    ' "chunked',
    ' [chunked]',
    ' (chunked)',
    ' {chunked}',
    ' <chunked>',
    ' `chunked`',
  ],
  ...[
    ' \x0bchunked',
    ' chunked\x0b',
    ' \x0cchunked',
    ' chunked\x0c',
    '\x0bchunked',
    '\x0cchunked',
    ' \x00chunked',
    ' chunked\x00',
  ],
  ...[
    ' chu\x00nked',
    ' \x08chunked',
    ' chunked\x08',
    ' \x1fchunked',
    ' chunked\x1f',
    ' \x7fchunked',
    ' chunked\x7f',
    ' chunked\x01',
  ],
  ...[
    ' \x85chunked',
    ' chunked\x85',
    ' \xa0chunked',
    ' chunked\xa0',
    ' \xefchunked',
    ' chunked\xff',
    ' \xc2\xa0chunked',
    ' chunked\xc2\x85',
  ],
  ...[
    ' \xe2\x80\x8bchunked',
    ' \xef\xbb\xbfchunked',
    ' chun\xe2\x84\xaaed',
    ' \xef\xbd\x83hunked',
    ' chu\xc3\xb1ked',
    ' \xe3\x80\x80chunked',
  ],
  ...[
    '\r\n chunked',
    '\r\n\tchunked',
    ' chunked\r\n ',
    ' chunked\r\n x',
    ' x\r\n chunked',
    ' chunked,\r\n identity',
    ' identity,\r\n chunked',
  ],
  ...[
    '\nchunked',
    ' \n chunked',
    '\rchunked',
    ' chunked\r',
    ' chunked\n',
    ' chunked\r\r',
    '\n\rchunked',
    ' chunked\rx',
    ' chunked\nx: y',
  ],
  ...[
    ' %63hunked',
    ' \\chunked',
    ' c\\hunked',
    ' chunked#',
    ' #chunked',
    ' chunked/1.1',
    ' +chunked',
    ' -chunked',
    ' *',
    ' chunked*',
  ],
]

const NAMES = [
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding\t: chunked',
    'Transfer-Encoding  : chunked',
    ' Transfer-Encoding: chunked',
  ],
  ...[
    '\tTransfer-Encoding: chunked',
    'Transfer-Encoding\x0b: chunked',
    'Transfer-Encoding\x0c: chunked',
    'Transfer-Encoding\0: chunked',
  ],
  ...[
    '\0Transfer-Encoding: chunked',
    'Transfer\0-Encoding: chunked',
    '\x0bTransfer-Encoding: chunked',
    'Transfer-Encoding\x85: chunked',
  ],
  ...[
    'Transfer-Encoding\xa0: chunked',
    '\xa0Transfer-Encoding: chunked',
    'Transfer\xadEncoding: chunked',
    'Transfer Encoding: chunked',
  ],
  ...[
    'Transfer-Encoding chunked',
    'Transfer-Encoding',
    'Transfer-Encoding; chunked',
    'Transfer-Encoding= chunked',
    '"Transfer-Encoding": chunked',
  ],
  ...[
    'Transfer-Encoding\r\n: chunked',
    'Transfer-Encoding\n: chunked',
    'Transfer-Encoding\r: chunked',
    'Transfer-\r\n Encoding: chunked',
  ],
  ...[
    'X: y\rTransfer-Encoding: chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\n\rTransfer-Encoding: chunked',
    'X: y\r\rTransfer-Encoding: chunked',
  ],
  ...[
    'X: y\r\n Transfer-Encoding: chunked',
    '\rTransfer-Encoding: chunked',
    '\nTransfer-Encoding: chunked',
    ':Transfer-Encoding: chunked',
  ],
  ...[
    'X\0: y\0Transfer-Encoding: chunked',
    'X: y\0\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding:: chunked',
    'Transfer\xe2\x80\x90Encoding: chunked',
  ],
].map((line) => `${line}\r\n`)

const PAIRS = [
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n',
  'Transfer-Encoding: x\r\nTransfer-encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n',
  'Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nX: y\r\nTransfer-Encoding: gzip\r\n',
]

const DISGUISES = [...VALUES.map((value) => `Transfer-Encoding:${value}\r\n`), ...NAMES, ...PAIRS]

// Other names: the field means nothing, and the length counts.
const STRANGERS = [
  'TransferEncoding',
  'X-Transfer-Encoding',
  'Transfer-Encodings',
  'Transfer.Encoding',
  "Transfer-Encoding'",
  'TE-',
]

const METHODS = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'BREW']

const length = `Content-Length: ${HIDES.length}\r\n`
const in10 = (fields: string, body: string): string =>
  `POST ${TARGET} HTTP/1.0\r\nHost: gate.test\r\n${fields}\r\n${body}`

export const transferEncoding: readonly HostileCase[] = [
  ...alone('forwarded', LEGAL),
  ...alone('either', EMPTY_MEMBERS),
  ...alone('refused', DISGUISES),
  ...[...LEGAL, ...EMPTY_MEMBERS, ...DISGUISES].flatMap((lines) => [
    refused(`a length, then ${spelt(lines)}`, post(length + lines, HIDES)),
    refused(`${spelt(lines)}, then a length`, post(lines + length, HIDES)),
  ]),
  ...['+5', '5, 5', ''].map((value) =>
    refused(`chunked beside a length of ${spelt(value)}`, post(`${CHUNKED}Content-Length: ${value}\r\n`, BODY)),
  ),
  refused('chunked beside a length of 0', post(`Content-Length: 0\r\n${CHUNKED}`, BODY)),
  refused('chunked, whose length ends within a chunk', post(`Content-Length: 4\r\n${CHUNKED}`, `5c\r\n${SMUGGLED}`)),
  ...STRANGERS.map((name) =>
    hostile(`${name} is another field`, 'forwarded', post(`${name}: chunked\r\n${length}`, HIDES), [
      arrival('POST', HIDES),
    ]),
  ),
  ...METHODS.map((method) =>
    hostile(`${method} with chunks`, 'forwarded', request(method, CHUNKED, BODY), [arrival(method, 'hello')]),
  ),
  refused('chunks in HTTP/1.0', in10(CHUNKED, BODY)),
  refused('chunks in HTTP/1.0 that is kept alive', in10(`Connection: keep-alive\r\n${CHUNKED}`, BODY)),
  refused('chunks beside a length in HTTP/1.0', in10(length + CHUNKED, HIDES)),
  refused('an unknown coding in HTTP/1.0', in10('Transfer-Encoding: identity\r\n', BODY)),
]

function alone(expect: Expectation, lines: readonly string[]): HostileCase[] {
  return lines.map((line) => hostile(`${spelt(line)} alone`, expect, post(line, BODY), [arrival('POST', 'hello')]))
}
