// Follows chunked framing (RFC 9112 section 7.1) as its bytes pass: it says where the message ends and refuses what two
// readers could see in two ways. The bytes travel on as they came, save trailer fields that have no place there.
import { COLON, CR, FIELD_VALUE, HEX, LF, SEMICOLON, TOKEN } from './bytes.js'
import * as fault from './fault.js'

const enum State {
  Size,
  Extension,
  SizeLf,
  Data,
  DataCr,
  DataLf,
  LineStart,
  Name,
  Value,
  LineLf,
  EndLf,
  Done,
}

/** Digits of the largest size: 13 hexadecimal digits hold 2^52 - 1, which a double holds too. */
const MOST_SIZE_DIGITS = 13
const MOST_EXTENSION_BYTES = 256
/** Over a whole message: a byte of data may not cost megabytes of extensions. */
const MOST_EXTENSIONS_BYTES = 16 * 1024
const MOST_TRAILER_BYTES = 8 * 1024

/** RFC 9112 section 7.1.1, behind the first semicolon. An open quote is what lax readers disagree on. */
const EXTENSIONS = extensionGrammar()

// RFC 9110 section 6.5.1: fields of framing, routing and authentication have no place in a trailer.
const FORBIDDEN_TRAILER =
  /^(content-length|transfer-encoding|host|connection|keep-alive|te|trailer|upgrade|content-type|content-encoding|content-range|authorization|proxy-(authenticate|authorization|connection)|set-cookie|cookie|via|forwarded|expect|max-forwards|cache-control|range|http2-settings|content_length|transfer_encoding|x[-_]forwarded[-_].*|x[-_]real[-_]ip|x[-_]request[-_]id)$/i

function extensionGrammar(): RegExp {
  const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
  const quoted = '"(?:[\\t !\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
  const one = `[ \\t]*${token}(?:[ \\t]*=[ \\t]*(?:${token}|${quoted}))?`
  return new RegExp(`^${one}(?:[ \\t]*;${one})*$`)
}

export class ChunkScanner {
  /** Bytes of payload so far. */
  dataBytes = 0
  /**
   * The rest of the trailer section, where it does not pass as it came; it follows what `scan` last let pass. Empty:
   * nothing follows.
   */
  tail = ''
  private state = State.Size
  private left = 0
  private digits = 0
  /** Of them, those behind leading zeros. */
  private significant = 0
  private extension = ''
  private extensions = 0
  private trailer = 0
  private name = ''
  private line = ''
  /** Trailer lines to send on by ourselves; undefined while those that have come may pass as they are. */
  private kept: string | undefined
  private passed = ''

  /**
   * `hop`: further fields that end here, as a list in lower case; `*`: all do. `forbid`: a field that has no place in a trailer is a
   * fault; otherwise it is left out.
   */
  constructor(
    private readonly hop = '',
    private readonly forbid = true,
  ) {}

  get done(): boolean {
    return this.state === State.Done
  }

  /** Within the trailer section: what comes is not to be sent on but in `tail`. */
  private get withinTrailer(): boolean {
    return this.state >= State.LineStart && this.state < State.Done
  }

  /**
   * Follows `buf` from `pos` to `end`. Returns the index up to which the bytes belong to this message (which may be
   * `end` with the message not `done`), or a fault. `passing` says how much of them may pass as they are. `data` is told
   * the ranges of payload, where the framing has to go.
   */
  scan(buf: Uint8Array, pos: number, end: number, data?: (start: number, end: number) => void): number {
    let trailer = this.withinTrailer ? pos : -1
    this.tail = ''
    while (pos < end) {
      if (this.state === State.Data) {
        const take = Math.min(this.left, end - pos)
        data?.(pos, pos + take)
        pos += take
        this.dataBytes += take
        this.left -= take
        if (this.left === 0) this.state = State.DataCr
        continue
      }
      const byte = buf[pos++] as number
      const bad = this.step(byte)
      if (bad !== 0) return bad
      if (this.state === State.LineStart && trailer < 0) trailer = pos
      if (this.state === State.Done) break
    }
    this.settleTrailer(trailer, pos)
    return pos
  }

  /** Index up to which the bytes of the last `scan` pass as they are. */
  passing = 0

  // A trailer section that is all here and all good passes with the rest; otherwise its lines are ours to write.
  private settleTrailer(start: number, end: number): void {
    this.passing = end
    if (start < 0 || (this.done && this.kept === undefined)) return
    this.passing = start
    this.kept ??= this.passed
    if (this.done) this.tail = `${this.kept}\r\n`
  }

  private step(byte: number): number {
    switch (this.state) {
      case State.Size: {
        const digit = HEX[byte] as number
        if (digit !== 255) {
          const zero = digit === 0 && this.left === 0
          if (++this.digits > MOST_EXTENSION_BYTES) return fault.CHUNK_TOO_LARGE
          if (!zero && ++this.significant > MOST_SIZE_DIGITS) return fault.CHUNK_TOO_LARGE
          this.left = this.left * 16 + digit
          return 0
        }
        if (this.digits === 0) return fault.BAD_CHUNK_SIZE
        if (byte === CR) this.state = State.SizeLf
        else if (byte === SEMICOLON) {
          this.extension = ''
          this.state = State.Extension
        } else return byte === LF ? fault.BARE_LF : fault.BAD_CHUNK_SIZE
        return 0
      }
      case State.Extension:
        if (byte === CR) {
          if (!EXTENSIONS.test(this.extension)) return fault.BAD_CHUNK_EXTENSION
          this.state = State.SizeLf
        } else if (FIELD_VALUE[byte] === 0) return byte === LF ? fault.BARE_LF : fault.BAD_CHUNK_EXTENSION
        else if (this.extension.length === MOST_EXTENSION_BYTES || ++this.extensions > MOST_EXTENSIONS_BYTES) {
          return fault.BAD_CHUNK_EXTENSION
        } else this.extension += String.fromCharCode(byte)
        return 0
      case State.SizeLf:
        if (byte !== LF) return fault.BARE_CR
        this.digits = this.significant = 0
        this.state = this.left === 0 ? State.LineStart : State.Data
        return 0
      case State.DataCr:
        if (byte !== CR) return fault.BAD_CHUNK_END
        this.state = State.DataLf
        return 0
      case State.DataLf:
        if (byte !== LF) return fault.BAD_CHUNK_END
        this.state = State.Size
        return 0
      default:
        return this.trailerStep(byte)
    }
  }

  private trailerStep(byte: number): number {
    if (++this.trailer > MOST_TRAILER_BYTES) return fault.TRAILERS_TOO_LARGE
    switch (this.state) {
      case State.LineStart:
        if (byte === CR) this.state = State.EndLf
        else if (TOKEN[byte] === 1) {
          this.line = String.fromCharCode(byte)
          this.state = State.Name
        } else return byte === LF ? fault.BARE_LF : fault.BAD_TRAILER
        return 0
      case State.Name:
        if (TOKEN[byte] !== 1 && byte !== COLON) return fault.BAD_TRAILER
        if (byte === COLON) {
          this.name = this.line.toLowerCase()
          if (this.forbid && FORBIDDEN_TRAILER.test(this.name)) return fault.BAD_TRAILER
          this.state = State.Value
        }
        this.line += String.fromCharCode(byte)
        return 0
      case State.Value:
        if (byte === CR) this.state = State.LineLf
        else if (FIELD_VALUE[byte] === 0) return byte === LF ? fault.BARE_LF : fault.BAD_TRAILER
        else this.line += String.fromCharCode(byte)
        return 0
      case State.LineLf:
        if (byte !== LF) return fault.BARE_CR
        this.endLine()
        this.state = State.LineStart
        return 0
      case State.EndLf:
        if (byte !== LF) return fault.BARE_CR
        this.state = State.Done
        return 0
      default:
        return fault.BAD_TRAILER
    }
  }

  private endLine(): void {
    const { hop, name } = this
    const ends = hop === '*' || FORBIDDEN_TRAILER.test(name) || `,${hop},`.includes(`,${name},`)
    if (ends) this.kept ??= this.passed
    else if (this.kept !== undefined) this.kept += `${this.line}\r\n`
    else this.passed += `${this.line}\r\n`
  }
}
