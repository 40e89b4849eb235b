// What the mixtures of `mixtures.test.ts` are made of: the pipe, the instances, the clients, and a strict reader of answers.
import assert from 'node:assert/strict'
import type { OriginRequest } from '../../kit/origin.js'

/** What happens in the hooks of one pipe in one exchange; the client says it in a field of its request. */
export const MODULE = `
import { PassThrough, Transform } from 'node:stream'
import { setTimeout as after } from 'node:timers/promises'
const books = (globalThis.serverpyMixtures ??= { entered: [], done: [], late: [] })
const over = new Set()
const told = { piece() {}, end() {} }
const broken = () => new Transform({ transform(piece, _, done) { done(new Error('broken stream')) } })
const doubling = () => new Transform({ transform(piece, _, done) { done(null, Buffer.concat([piece, piece])) } })
async function* pieces(x) { for (const piece of ['one', 'two', 'three']) { await after(1); yield Buffer.from(piece) } }
async function* failing(x) { yield Buffer.from('some'); await after(1); throw new Error('broken source') }
function act(way, x, answer) {
  switch (way) {
    case 'throw': throw new Error('thrown')
    case 'reject': return Promise.reject(new Error('rejected'))
    case 'late': return after(80)
    case 'async': return after(2)
    case 'soon': return Promise.resolve()
    case 'null': return null
    case 'text': return { status: 299, body: 'text reply' }
    case 'later-text': return after(2).then(() => ({ status: 299, body: 'text reply' }))
    case 'bytes': return { status: 299, body: new TextEncoder().encode('bytes') }
    case 'number': return { status: 299, body: 5 }
    case 'long': return { status: 299, length: 10, body: 'short' }
    case 'short': return { status: 299, length: 2, body: 'longer' }
    case 'stream-short': return { status: 299, length: 3, body: pieces(x) }
    case 'stream': return { status: 299, body: pieces(x) }
    case 'broken-stream': return { status: 299, body: failing(x) }
    case 'empty': return { status: 204 }
    case 'unsendable': return { status: 99 }
    case 'field': x.headers.set('X-Own', '1'); answer?.headers.set('X-Own', '1'); return
    case 'call': return x.call({ service: 'other', method: 'GET', target: '/plain?call', fields: '', timeoutMs: 500, mostBytes: 9999 }).answer.then(() => undefined)
    case 'elsewhere': if (!answer) x.sendTo('other'); return
    case 'body': (answer ?? x).setBody('another body'); return
    case 'no-body': (answer ?? x).setBody(''); return
    case 'transform': answer ? answer.transform(doubling()) : x.transformBody(doubling()); return
    case 'through': answer ? answer.transform(new PassThrough()) : x.transformBody(new PassThrough()); return
    case 'broken': answer ? answer.transform(broken()) : x.transformBody(broken()); return
    case 'watch': answer ? answer.watch(told) : x.watchBody(told); return
    case 'bad-watch': { const bad = { piece() { throw new Error('watching') }, end() { throw new Error('end') } }
      answer ? answer.watch(bad) : x.watchBody(bad); return }
    case 's204': if (answer) answer.status = 204; return
    case 's304': if (answer) answer.status = 304; return
    case 's200': if (answer) answer.status = 200; return
  }
}
export default { create: (options, { name }) => {
  const ways = (x) => JSON.parse(x.headers.get('x-mix') ?? '{}')[name] ?? {}
  const seen = (x, hook) => { if (over.has(name + x.state.get('mix'))) books.late.push(name + ' ' + hook) }
  const wayOf = (x, hook) => { seen(x, hook); return ways(x)[hook] }
  return {
    onRequest(x) { if (!x.state.has('mix')) x.state.set('mix', x.id + Math.random()); books.entered.push(name + x.state.get('mix')); return act(wayOf(x, 'req'), x) },
    onResponse(x, answer) { return act(wayOf(x, 'res'), x, answer) },
    onError(x) { const way = wayOf(x, 'err'); return way === undefined ? undefined : act(way, x) },
    onDone(x) { seen(x, 'done'); over.add(name + x.state.get('mix')); books.done.push(name + x.state.get('mix')); if (ways(x).done) return act(ways(x).done, x) },
  }
} }`

const REQUEST_WAYS = [
  'throw',
  'reject',
  'late',
  'async',
  'soon',
  'null',
  'text',
  'later-text',
  'bytes',
  'number',
  'long',
  'short',
  'stream-short',
  'stream',
  'broken-stream',
  'empty',
  'unsendable',
  'field',
  'call',
  'elsewhere',
  'body',
  'no-body',
  'transform',
  'through',
  'broken',
  'watch',
  'bad-watch',
]
const ANSWER_WAYS = [...REQUEST_WAYS, 's204', 's304', 's200']
const ERROR_WAYS = ['throw', 'reject', 'late', 'async', 'text', 'later-text', 'stream', 'unsendable', 'null', 'number']
const DONE_WAYS = ['throw', 'reject', 'async', 'call']

const ROUTES = ['plain', 'hold', 'hedge', 'batch', 'whole', 'skip', 'total']
const INSTANCE_WAYS = [
  'length',
  'chunked',
  'close',
  'empty',
  'none',
  's304',
  'large',
  'slow',
  'stutter',
  'never-ends',
  'truncated',
  'reset',
  'late',
  's503',
  'early',
  'interim',
]
const CLIENT_WAYS = ['whole', 'whole', 'whole', 'pieces', 'slow-reader', 'half-close', 'reset', 'reset-late', 'behind']
const BODIES = ['none', 'length', 'chunked', 'large', 'large-chunked', 'expect', 'short']
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']

/** Numbers in [0, 1) that depend on the seed alone. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export interface Case {
  readonly method: string
  readonly route: string
  readonly body: string
  readonly minor: number
  readonly instance: string
  readonly client: string
  readonly mix: Record<string, Record<string, string>>
}

export function caseOf(seed: number): Case {
  const random = randomOf(seed)
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const maybe = (share: number, list: readonly string[], key: string) => (random() < share ? { [key]: one(list) } : {})
  const mix = Object.fromEntries(
    ['a', 'b', 'c'].map((name) => [
      name,
      {
        ...maybe(0.35, REQUEST_WAYS, 'req'),
        ...maybe(0.4, ANSWER_WAYS, 'res'),
        ...maybe(0.3, ERROR_WAYS, 'err'),
        ...maybe(0.15, DONE_WAYS, 'done'),
      },
    ]),
  )
  const method = one(METHODS)
  return {
    method,
    route: one(ROUTES),
    body: method === 'HEAD' || random() < 0.3 ? 'none' : one(BODIES),
    minor: random() < 0.12 ? 0 : 1,
    instance: random() < 0.3 ? 'length' : one(INSTANCE_WAYS),
    client: one(CLIENT_WAYS),
    mix,
  }
}

/** Marks what belongs to a request sent behind the one that is looked at. */
export const innocent = (n: number) => `GET /innocent?${n} HTTP/1.1\r\nHost: h\r\n\r\n`

export function bytesOf({ method, route, body, minor, instance, mix }: Case, n: number): string {
  const content = body.startsWith('large') ? 'x'.repeat(150_000) : 'a body'
  let fields = `Host: h\r\nX-Mix: ${JSON.stringify(mix)}\r\n`
  let sent = ''
  if (body === 'expect') fields += 'Expect: 100-continue\r\n'
  if (body.endsWith('chunked') && minor === 1) {
    fields += 'Transfer-Encoding: chunked\r\n'
    const half = content.length >> 1
    for (const part of [content.slice(0, half), content.slice(half)])
      sent += `${part.length.toString(16)}\r\n${part}\r\n`
    sent += '0\r\n\r\n'
  } else if (body !== 'none') {
    fields += `Content-Length: ${content.length}\r\n`
    sent = content
  }
  if (minor === 0) fields += 'Connection: keep-alive\r\n'
  return `${method} /${route}?way=${instance}&n=${n} HTTP/1.${minor}\r\n${fields}\r\n${sent}`
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

export async function instance(req: OriginRequest): Promise<void> {
  const [, way = '', n = ''] = /way=([a-z0-9-]+)&n=(\d+)/.exec(req.target) ?? []
  const large = 'y'.repeat(200_000)
  const bare = req.method === 'HEAD'
  if (req.target.startsWith('/innocent')) return req.answer(200, `innocent ${req.target}`)
  if (way === 'early') return req.answer(200, `early ${n}`)
  if (way !== 'reset') await req.body().catch(() => undefined)
  switch (way) {
    case 'chunked':
      return req.send(bare ? CHUNKED : `${CHUNKED}4\r\nsome\r\n5;x=1\r\nbytes\r\n0\r\nX-Trailer: 1\r\n\r\n`)
    case 'close':
      req.send(`HTTP/1.1 200 OK\r\n\r\n${bare ? '' : 'until the end'}`)
      return req.close()
    case 'empty':
      return req.answer(200)
    case 'none':
      return req.send('HTTP/1.1 204 No Content\r\n\r\n')
    case 's304':
      return req.send('HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: "x"\r\n\r\n')
    case 'large':
      return req.answer(200, large)
    case 'slow':
      req.send('HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n')
      return bare ? undefined : req.drip('z'.repeat(30), { pieceBytes: 10, everyMs: 3 })
    case 'stutter':
      req.send(CHUNKED)
      return bare ? undefined : req.drip('4\r\nsome\r\n5\r\nbytes\r\n0\r\n\r\n', { pieceBytes: 3, everyMs: 1 })
    case 'never-ends':
      req.send(CHUNKED)
      return bare ? undefined : req.send('4\r\nsome\r\n')
    case 'truncated':
      req.send('HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nhalf')
      return req.close()
    case 'reset':
      return req.reset()
    case 'late':
      await new Promise((resolve) => setTimeout(resolve, 40))
      return req.answer(200, 'late')
    case 's503':
      return req.answer(503, 'unavailable')
    case 'interim':
      req.send('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n')
      return req.answer(200, 'after the hints')
    default:
      return req.answer(200, `answer ${n}`)
  }
}

interface Parsed {
  readonly status: number
  readonly text: string
  readonly closes: boolean
}

/** What a strict client makes of the bytes of one connection: whole answers, and whether the last one is cut off. */
export function parse(bytes: string, methods: readonly string[]): { answers: Parsed[]; cut: boolean } {
  const answers: Parsed[] = []
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) return { answers, cut: true }
    const [line = '', ...lines] = bytes.slice(at, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) [ -~]*$/.exec(line)?.[1])
    assert.ok(status >= 100, `no status line: ${JSON.stringify(bytes.slice(at, at + 200))}`)
    for (const one of lines) assert.match(one, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+: ?[\t -~\x80-\xff]*$/)
    const values = (name: string) =>
      lines.filter((one) => one.toLowerCase().startsWith(`${name}:`)).map((one) => one.slice(name.length + 1).trim())
    at = end + 4
    if (status < 200) {
      assert.deepEqual([...values('content-length'), ...values('transfer-encoding')], [])
      continue
    }
    const method = methods[answers.length]
    assert.ok(method !== undefined, `an answer to nothing: ${JSON.stringify(bytes.slice(at, at + 200))}`)
    const lengths = values('content-length')
    const codings = values('transfer-encoding')
    assert.ok(lengths.length + codings.length <= 1, `two framings: ${lines.join(' | ')}`)
    const closes = values('connection').join(',').includes('close')
    const push = (text: string) => answers.push({ status, text, closes })
    if (status === 204) assert.deepEqual([...lengths, ...codings], [], 'a 204 has no framing')
    if (method === 'HEAD' || status === 204 || status === 304) push('')
    else if (codings.length === 1) {
      assert.equal(codings[0], 'chunked')
      let text = ''
      for (;;) {
        const eol = bytes.indexOf('\r\n', at)
        if (eol < 0) return { answers, cut: true }
        const size = bytes.slice(at, eol)
        assert.match(size, /^[0-9a-f]+(;.*)?$/i, `no chunk size: ${JSON.stringify(size.slice(0, 100))}`)
        const length = parseInt(size, 16)
        at = eol + 2
        if (length === 0) break
        if (bytes.length < at + length + 2) return { answers, cut: true }
        assert.equal(bytes.slice(at + length, at + length + 2), '\r\n')
        text += bytes.slice(at, at + length)
        at += length + 2
      }
      for (;;) {
        const eol = bytes.indexOf('\r\n', at)
        if (eol < 0) return { answers, cut: true }
        const blank = eol === at
        at = eol + 2
        if (blank) break
      }
      push(text)
    } else if (lengths.length === 1) {
      const length = Number(lengths[0])
      if (bytes.length < at + length) return { answers, cut: true }
      push(bytes.slice(at, at + length))
      at += length
    } else {
      assert.ok(closes, 'an answer without framing ends with its connection')
      push(bytes.slice(at))
      at = bytes.length
    }
  }
  return { answers, cut: false }
}
