// An answer on its way to the client through the pipes: its head while they look at it, and then its body.
import { type Duplex, Transform } from 'node:stream'
import type { Code } from '../../shared/errors.js'
import { ChunkScanner } from '../engine/chunked.js'
import { inChunks } from '../engine/passage.js'
import { hasContent, lengthLine, statusText } from '../engine/reply.js'
import type { Client, Exchange } from '../exchange.js'
import { FieldLines, withoutFraming } from '../field-lines.js'
import { asBytes } from './as-bytes.js'
import { BodyStream } from './body-stream.js'
import { guarded, type WatchingOwner } from './guarded-watcher.js'
import type { AnswerHead, BodyWatcher } from './pipe.js'
import { bear, discard, isStream } from './users-stream.js'

/** Told where the body cannot go on. */
export interface AnsweringOwner extends WatchingOwner {
  /** A transform failed. */
  broken(error: Error): void
  /** The body is out. */
  sent(): void
  /** There is room for more of it. */
  ready(): void
}

interface Framing {
  readonly chunked: boolean
  readonly length: number | undefined
}

/** As the gateway itself writes them: it never passes framing on as it came. */
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const LENGTH = 'Content-Length: '

function framingOf(lines: string): Framing {
  const at = lines.startsWith(LENGTH) ? 0 : lines.indexOf(`\r\n${LENGTH}`)
  if (at >= 0) return { chunked: false, length: parseInt(lines.slice(lines.indexOf(LENGTH, at) + LENGTH.length), 10) }
  return { chunked: lines.startsWith(CHUNKED) || lines.includes(`\r\n${CHUNKED}`), length: undefined }
}

export class Answering implements AnswerHead {
  readonly headers: FieldLines
  body: Buffer | undefined
  private code: number
  /** The body is another one than what comes. */
  private replaced = false
  private transforms: Duplex[] | undefined
  private watchers: BodyWatcher[] | undefined
  /** Watchers that have a stream of their own between the transforms. */
  private within: BodyWatcher[] | undefined
  private stream: BodyStream | undefined
  private chunks: ChunkScanner | undefined
  /** How the body comes; worked out when somebody asks. */
  private framing: Framing | undefined
  private ended = false
  /** Its head has been written, or will never be. */
  private settled = false

  constructor(
    private readonly exchange: Exchange,
    private readonly given: { readonly status: number; readonly text: string },
    private readonly lines: string,
    private readonly keep: boolean,
    private readonly options: string,
    readonly from: 'instance' | 'gateway',
    readonly error: Code | undefined,
    private readonly owner: AnsweringOwner,
  ) {
    this.headers = new FieldLines(lines)
    this.code = given.status
  }

  private get framed(): Framing {
    return (this.framing ??= framingOf(this.lines))
  }

  get length(): number | undefined {
    return this.framed.length
  }

  get bodiless(): boolean {
    const { status } = this.given
    return this.exchange.method === 'HEAD' || status === 204 || status === 304 || this.framed.length === 0
  }

  /** Tells content from chunks; undefined where there are none. */
  private get scanner(): ChunkScanner | undefined {
    if (this.chunks === undefined && this.framed.chunked) this.chunks = new ChunkScanner('', false)
    return this.chunks
  }

  get status(): number {
    return this.code
  }

  set status(status: number) {
    this.mayChange()
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new RangeError(`${String(status)} is not the status of an answer`)
    this.code = status
    if (!hasContent(status) && !this.bodiless) this.setBody('')
  }

  /** A body that is on its way would be cut off, and the next answer would pass for the rest of it. */
  private mayChange(): void {
    if (this.settled) throw new Error('the answer is on its way: it can be changed in onResponse only')
  }

  setBody(body: Uint8Array | string): void {
    this.mayChange()
    this.settleWatchers()
    this.replaced = true
    this.body = this.bodiless || this.silent ? NOTHING : asBytes(body)
  }

  transform(stream: Duplex): void {
    if (!isStream(stream)) throw new TypeError('a body passes through a stream of Node only')
    this.mayChange()
    bear(stream, this.owner)
    this.transforms ??= []
    if (this.watchers !== undefined) {
      // They were set before, and see what they saw then.
      this.transforms.push(watching(this.watchers))
      this.within = (this.within ?? []).concat(this.watchers)
      this.watchers = undefined
    }
    this.transforms.push(stream)
  }

  watch(watcher: BodyWatcher): void {
    this.mayChange()
    if (this.bodiless) return watcher.end(true)
    ;(this.watchers ??= []).push(guarded(watcher, this.owner))
  }

  /** Those who watch have seen the body that was there, as far as it was, and see nothing of the one that takes its place. */
  private settleWatchers(): void {
    const { watchers = [], within = [] } = this
    const seen = this.transforms === undefined ? this.body : undefined
    this.watchers = this.within = undefined
    for (const watcher of [...watchers, ...within]) {
      if (seen !== undefined && seen.length > 0) watcher.piece(seen)
      watcher.end(seen !== undefined)
    }
  }

  /** The whole body, as it has come, for a pipe that asked for it. */
  setCollected(body: Buffer): void {
    this.body = body
    this.replaced = true
  }

  /** What a whole body says, without its framing. */
  content(all: Buffer): Buffer {
    if (this.scanner === undefined) return all
    const data: Buffer[] = []
    this.scanner.scan(all, 0, all.length, (start, end) => data.push(all.subarray(start, end)))
    return data.length === 1 ? (data[0] as Buffer) : Buffer.concat(data)
  }

  /** Its status allows none. What an instance has sent behind a 205 goes its way: it is framed, and the instance's fault. */
  private get silent(): boolean {
    return !hasContent(this.code) && (this.replaced || this.code !== 205 || this.given.status !== 205)
  }

  /** Nothing of what is still to come of the body will be sent. */
  get whole(): boolean {
    return this.replaced && !this.bodiless
  }

  /** Only the head is changed: bytes of the body may pass the client by themselves. */
  get plain(): boolean {
    return !this.replaced && this.transforms === undefined && this.watchers === undefined
  }

  /** Writes the head, and the body where it is here already. */
  commit(client: Client): void {
    this.settled = true
    const { status, given, options, headers, transforms } = this
    const text = status === given.status ? given.text : statusText(status)
    const transformed = transforms !== undefined
    const body = this.replaced ? this.body : undefined
    if ((!transformed && body === undefined) || this.bodiless || this.silent) {
      if (transformed) for (const stream of transforms) discard(stream)
      this.transforms = undefined
      return client.writeHead(status, text, this.linesAsTheyAre(transformed), this.keep, options)
    }
    const framing = !transformed ? `Content-Length: ${body?.length ?? 0}\r\n` : this.streamLines
    client.writeHead(status, text, withoutFraming(headers.text) + framing, this.keep && this.mayKeep, options)
    this.open(client)
    if (body !== undefined) this.pass(client, body, 0, body.length)
  }

  /** Of an answer whose body, where it has one, is as it came. */
  private linesAsTheyAre(transformed: boolean): string {
    const { text } = this.headers
    if (this.silent) return withoutFraming(text) + lengthLine(this.code, 0)
    if (!this.bodiless) return text
    // Where a GET would be sent in another form, its length is not known.
    if (this.exchange.method === 'HEAD') return transformed ? withoutFraming(text) : text
    // It may have a body now, and has none: a 204 or 304, of which it was made, says nothing of that.
    return `${withoutFraming(text)}Content-Length: 0\r\n`
  }

  private get streamLines(): string {
    return this.exchange.minor === 0 ? '' : 'Transfer-Encoding: chunked\r\n'
  }

  /** A body whose end only the connection's end can say. */
  private get mayKeep(): boolean {
    return this.transforms === undefined || this.exchange.minor !== 0
  }

  private open(client: Client): void {
    const { transforms, exchange, owner } = this
    if (transforms === undefined) return
    const whole = exchange.minor === 0 ? undefined : inChunks
    this.stream = new BodyStream(transforms, {
      data: (piece) => {
        this.seen(piece)
        return whole === undefined
          ? client.writeBody(piece, 0, piece.length)
          : whole.piece(client, piece, 0, piece.length)
      },
      end: () => {
        this.endWatchers(true)
        whole?.end(client)
        owner.sent()
      },
      failed: (error) => owner.broken(error),
      ready: () => owner.ready(),
      stuck: (name) => owner.stuck(name),
    })
  }

  /** A piece of the body with its framing. False as for `Client.writeBody`. */
  piece(client: Client, buf: Buffer, start: number, end: number): boolean {
    if (this.plain) return client.writeBody(buf, start, end)
    // Another body has taken its place.
    if (this.replaced) return true
    const { scanner, stream } = this
    if (scanner === undefined) return this.pass(client, buf, start, end)
    let taken = true
    scanner.scan(buf, start, end, (from, to) => {
      if (stream === undefined) this.seen(buf.subarray(from, to))
      else taken = this.pass(client, buf, from, to) && taken
    })
    return stream === undefined ? client.writeBody(buf, start, end) : taken
  }

  /** Content without framing, out through the transforms if there are any. */
  private pass(client: Client, buf: Buffer, start: number, end: number): boolean {
    if (start === end) return true
    if (this.stream !== undefined) return this.stream.write(buf.subarray(start, end))
    this.seen(buf.subarray(start, end))
    return client.writeBody(buf, start, end)
  }

  private seen(bytes: Buffer): void {
    if (this.watchers !== undefined) for (const watcher of this.watchers) watcher.piece(bytes)
  }

  private endWatchers(whole: boolean): void {
    if (this.ended) return
    this.ended = true
    if (this.watchers !== undefined) for (const watcher of this.watchers) watcher.end(whole)
  }

  /** The body has come to its end. `sent` is told now, or when the transforms have let all of it go. */
  finish(): void {
    if (this.stream !== undefined) return this.stream.end()
    this.endWatchers(true)
    this.owner.sent()
  }

  /** The client has room again. */
  drained(): void {
    this.stream?.resume()
  }

  /** Nobody takes the rest. */
  drop(): void {
    this.settled = true
    this.endWatchers(false)
    this.stream?.destroy()
    if (this.stream === undefined && this.transforms !== undefined) for (const one of this.transforms) discard(one)
  }
}

const NOTHING = Buffer.alloc(0)

/** Passes everything on as it is, and shows it. */
function watching(watchers: readonly BodyWatcher[]): Transform {
  let whole = false
  return new Transform({
    transform(piece: Buffer, _, done) {
      for (const watcher of watchers) watcher.piece(piece)
      done(null, piece)
    },
    flush(done) {
      whole = true
      for (const watcher of watchers) watcher.end(true)
      done()
    },
    destroy(error, done) {
      if (!whole) for (const watcher of watchers) watcher.end(false)
      done(error)
    },
  })
}
