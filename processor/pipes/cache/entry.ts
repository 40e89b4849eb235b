// A stored answer, ready to be sent.
import type { Reply } from '../pipe.js'
import { httpDateMs } from './http-date.js'
import type { StoredFile } from './disk.js'
import type { Terms } from './policy.js'
import { ownText } from './stored-lines.js'
import type { Selected, Selecting } from './vary.js'

/** Which of the answers of a URL it is. */
export interface Place {
  readonly key: string
  /** Which way the request took: routes of one URL may be told apart by anything. */
  readonly route: string
  /** Who answered: another service may say something else under the same URL. */
  readonly service: string
  /** What it was asked for, where a pipe had changed that; else empty. */
  readonly target: string
  readonly names: Selecting
  readonly values: Selected
}

/** What a stored answer costs beside its text and its body: objects, slots, buffers. Measured on Node 20 and 24, and rounded up. */
const OVERHEAD_BYTES = 2500
/** Of a selecting field, beside its text in two forms. */
const VALUE_BYTES = 100

export class Entry {
  /** In memory. */
  readonly bytes: number
  readonly onDisk: StoredFile | undefined
  readonly etag: string | undefined
  /** Epoch milliseconds, to compare with. */
  readonly modifiedMs: number | undefined
  readonly modified: string | undefined
  /** Last-Modified tells two states apart: it is a minute older than the answer (RFC 9110 section 8.8.2.2). */
  readonly modifiedIsStrong: boolean
  /** Of the order in which entries were used. */
  newer: Entry | undefined
  older: Entry | undefined
  /** It is in the store. */
  stored = false
  /** Somebody refreshes it. */
  refreshing = false
  /** What was sent last, and for which age in seconds. */
  private sent: Reply | undefined
  private sentAge = -1

  constructor(
    readonly place: Place,
    readonly status: number,
    /** Without what is written anew each time. */
    readonly lines: string,
    readonly body: Buffer | StoredFile,
    public terms: Terms,
    fields: { get(name: string): string | undefined },
    wallMs: number,
    /** The service was asked for just what the client had asked for, so that it can be asked again without a client. */
    readonly askedAsIs: boolean,
  ) {
    const { key, names, values } = place
    const texts = values.reduce(
      (sum, value) => sum + (value === undefined ? 0 : VALUE_BYTES + 2 * value.spelled.length),
      0,
    )
    this.onDisk = Buffer.isBuffer(body) ? undefined : body
    const inMemory = this.onDisk === undefined ? body.length : 0
    this.etag = own(fields.get('etag'))
    this.modified = own(fields.get('last-modified'))
    // Lines are there once more as they were sent last.
    const fixed =
      OVERHEAD_BYTES + key.length + 2 * lines.length + (this.etag?.length ?? 0) + (this.modified?.length ?? 0)
    this.bytes = fixed + inMemory + texts + names.reduce((sum, name) => sum + name.length, 0)
    const dateMs = httpDateMs(fields.get('date'), wallMs)
    const modifiedMs = httpDateMs(this.modified, wallMs)
    this.modifiedMs = this.modified === undefined ? dateMs : modifiedMs
    this.modifiedIsStrong = modifiedMs !== undefined && (dateMs ?? 0) - modifiedMs >= 60_000
  }

  get length(): number {
    return this.body.length
  }

  /** Seconds at `now`. */
  age(now: number): number {
    return Math.max(0, Math.floor((now - this.terms.bornAt) / 1000))
  }

  /** Seconds for which it is still fresh; negative since when it is not. */
  ttl(now: number): number {
    return Math.floor((this.terms.freshUntil - now) / 1000)
  }

  /** The whole answer to a GET, of a body in memory: made once a second. `status`: with Cache-Status. */
  whole(now: number, status: boolean): Reply {
    const age = this.age(now)
    if (age === this.sentAge && this.sent !== undefined) return this.sent
    const lines = this.lines + this.ownLines(now, status ? this.hitNote(now) : '')
    this.sentAge = age
    return (this.sent = { status: this.status, lines, body: this.body as Buffer, relayed: true })
  }

  /** Age, and what Cache-Status (RFC 9211) says of it, if anything. */
  ownLines(now: number, note: string): string {
    const age = `Age: ${this.age(now)}\r\n`
    return note === '' ? age : `${age}Cache-Status: serverpy; ${note}\r\n`
  }

  hitNote(now: number): string {
    return `hit; ttl=${this.ttl(now)}`
  }

  /** It has to be validated before it is used again. */
  expire(now: number): void {
    const { bornAt } = this.terms
    this.terms = {
      ...this.terms,
      freshUntil: Math.min(now, Math.max(bornAt, this.terms.freshUntil)),
      staleUntil: -Infinity,
    }
    this.sent = undefined
  }
}

function own(value: string | undefined): string | undefined {
  return value === undefined ? undefined : ownText(value)
}
