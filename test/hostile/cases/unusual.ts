// What is unusual, legal by the RFCs and without harm: refusing it would only cost those who send it.
import type { HostileCase } from '../case.js'
import { arrival, chunked, forwarded, get, HOST, post, request, TARGET } from '../write.js'

const LAST = '0\r\n\r\n'

// RFC 9110 sections 5.5 and 5.6: values, empty ones too, with any visible byte, quotes, and bytes beyond ASCII.
const FIELDS = [
  ...[
    'Accept:',
    'Accept: ',
    'Accept:\t',
    'X-A: "quoted \\" string"',
    'X-A: (comment (nested))',
    'X-A: a,b,,c',
    'X-A: ,',
    'X-A: a;b=c;d="e"',
    'X-A: <>@,;:\\/[]?={}',
    "X-A: !#$%&'*+-.^_`|~",
  ],
  ...[
    'X-A: \xfcmlaut',
    'X-A: \xc3\xa4',
    'X-A: \x80\xff',
    'X-A: a\tb',
    'X-A: a  b',
    'X-A: HTTP/1.1 200 OK',
    'X-A: GET / HTTP/1.1',
    'X-A: Content-Length: 5',
    'X-A: Transfer-Encoding: chunked',
    'X-A: %0d%0aX: y',
  ],
  ...[
    "X!#$%&'*+-.^_`|~0: y",
    'x: y',
    'X: y',
    '0: y',
    '-: y',
    '_: y',
    '~: y',
    'X.Y: z',
    'X-Y-: z',
    '-X: y',
    `${'X'.repeat(200)}: y`,
    'X-A: a\r\nX-A: b\r\nx-a: c',
    'Cookie: a=b; c="d"\r\nCookie: e=f',
    'My_Header: a',
  ],
  ...[
    'Range: bytes=0-5',
    'Range: bytes=5-0, 9-',
    'If-Match: *',
    'If-None-Match: W/"x", "y"',
    'If-Modified-Since: yesterday',
    'Date: never',
    'Authorization: Basic eA==',
    'Authorization:',
    'Max-Forwards: 5',
    'Priority: u=1, i',
  ],
  ...[
    'Content-Type: a/b\r\nContent-Type: c/d',
    'Content-Encoding: gzip',
    'Accept-Encoding: identity;q=0',
    'Origin: null',
    'Referer: about:blank',
    'User-Agent:',
    'DNT: 1',
    'Sec-Fetch-Mode: x',
    'Trailer: X-A',
    'Pragma: no-cache',
  ],
  ...[
    'Content-Transfer-Encoding: chunked',
    'Content-Lengths: 5',
    'X-Content-Length: 5',
    'Hosts: x',
    'X-Transfer-Encoding: chunked',
    'Connections: close',
    'Expects: 100-continue',
    'Upgrade-Insecure-Requests: 1',
  ],
]

const spaced = (fields: string): string => `GET ${TARGET} HTTP/1.1\r\n${fields}\r\n\r\n`

export const unusual: readonly HostileCase[] = [
  ...FIELDS.map((lines) =>
    forwarded(`the lines ${JSON.stringify(lines)}`, get(`${lines}\r\n`), [arrival('GET', '', { has: hasOf(lines) })]),
  ),
  forwarded('no space behind any colon', spaced('Host:gate.test\r\nAccept:*/*')),
  forwarded('white space around every value', spaced('Host: \t gate.test \t\r\nAccept:\t*/*\t ')),
  forwarded('one field more than fifty, all alike', get('X-A: b\r\n'.repeat(51))),
  forwarded('an empty line before the request', `\r\n${get()}`),
  forwarded('an empty line behind a body', `${post('Content-Length: 5\r\n', 'hello')}\r\n${get()}`, [
    arrival('POST', 'hello'),
    arrival('GET'),
  ]),
  forwarded('POST without a length', post('', ''), [arrival('POST')]),
  forwarded('GET with a length of 0', get('Content-Length: 0\r\n')),
  forwarded('GET with a body', request('GET', 'Content-Length: 5\r\n', 'hello'), [arrival('GET', 'hello')]),
  forwarded('DELETE with chunks', request('DELETE', 'Transfer-Encoding: chunked\r\n', `5\r\nhello\r\n${LAST}`), [
    arrival('DELETE', 'hello'),
  ]),
  forwarded('chunks of one byte', chunked('1\r\nh\r\n1\r\ni\r\n' + LAST), [arrival('POST', 'hi')]),
  forwarded('a body that is a chunked message', post('Content-Length: 15\r\n', `5\r\nhello\r\n${LAST}`), [
    arrival('POST', `5\r\nhello\r\n${LAST}`),
  ]),
  forwarded(
    'a body of all bytes',
    post('Content-Length: 256\r\n', Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')),
    [arrival('POST', Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join(''))],
  ),
  forwarded('a chunk of all line ends', chunked(`6\r\n\r\n\n\r\0\n\r\n${LAST}`), [arrival('POST', '\r\n\n\r\0\n')]),
  forwarded('Content-Length of eleven digits with zeros', post('Content-Length: 00000000005\r\n', 'hello'), [
    arrival('POST', 'hello'),
  ]),
  forwarded('trailers, announced', chunked(`5\r\nhello\r\n0\r\nX-A: b\r\n\r\n`, 'Trailer: X-A\r\n'), [
    arrival('POST', 'hello'),
  ]),
  forwarded('HTTP/1.0 with a body', `POST ${TARGET} HTTP/1.0\r\n${HOST}Content-Length: 5\r\n\r\nhello`, [
    arrival('POST', 'hello'),
  ]),
  forwarded(
    'HTTP/1.0 that is kept alive, then HTTP/1.1',
    `GET ${TARGET} HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n${get()}`,
    [arrival('GET'), arrival('GET')],
  ),
  forwarded(
    'a query with everything that a query may have',
    get('', `${TARGET}?a=/?:@-._~!$&'()*+,;=%20%00%0a%ff&b=http://x/../y`),
    [arrival('GET', '', { target: `${TARGET}?a=/?:@-._~!$&'()*+,;=%20%00%0a%ff&b=http://x/../y` })],
  ),
]

/** The lines as they have to arrive. */
function hasOf(lines: string): string[] {
  return lines.split('\r\n').map((line) => {
    const colon = line.indexOf(':')
    return `${line.slice(0, colon).toLowerCase()}: ${line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')}`
  })
}
